// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The protocol of channels and select through all interleavings, up to a bound: channel.h and selection.h over a platform in which every lock,
// claim, moved value and wake-up is a point where another strand may go on. In the manner of CHESS: a stateless depth-first search with a
// bounded number of switches away from a strand that could go on (most mistakes need two); those that are forced are free.
//
// Mechanism: strands are contexts on one real thread: one for each task, and one for the commit of each, which gives the locks back while the task may
// already be woken. A run makes a sequence of choices (who goes on, does a timer fire, which of the ready cases); the next repeats them up to the last
// that has an alternative. What lies on a waiting task's stack in the runtime is buried when the task goes on: whoever uses it then finds a lock that
// nobody holds and a task that does not wait.
// Checked: every value sent arrives once and in its sender's order; a send that failed has sent nothing; nobody sleeps for ever; only parked tasks are
// woken; nothing is written to a task that has gone on. Not modelled: orders of memory (all is sequentially consistent here), the parking in
// chan.cpp and select.cpp (repeated here in few lines). The protocol is given mistakes, to see that they are found.
#include "sync/selection.h"

#include "sched/core.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <functional>
#include <gtest/gtest.h>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace stillpoint::test {
namespace {

enum class mistake {
  none,
  parks_behind_the_lock,
  claims_in_two_steps,
  timer_behind_the_locks,
  goes_on_without_the_locks,
  wakes_before_it_delivers
};

// The choices of one run, and how to come to the next.
class explorer {
public:
  unsigned choose(unsigned count) {
    if (count < 2)
      return 0;
    if (at_ == path_.size())
      path_.push_back({0, count});
    if (path_[at_].count != count)
      std::abort(); // not the same run
    return path_[at_++].taken;
  }
  // False: all have been taken.
  bool next() {
    at_ = 0;
    while (!path_.empty() && ++path_.back().taken == path_.back().count)
      path_.pop_back();
    return !path_.empty();
  }

private:
  struct choice {
    unsigned taken, count;
  };
  std::vector<choice> path_;
  std::size_t at_ = 0;
};

class model;
model *current = nullptr;
void step();
void fail(const char *what);

struct model_lock {
  bool held = false;
  bool dead = false; // its channel has ended
  void acquire() noexcept;
  void release() noexcept;
};

enum class status { ready, blocked, parked, ended };

struct strand {
  void *context = nullptr;
  status is = status::ended;
  model_lock *wants = nullptr;
  std::function<void()> body;
};

struct model_task : strand {
  strand commit;
  std::function<void()> timer; // set: may fire
};

template <class T>
struct model_atomic {
  T value;
  model_atomic(T v) : value(v) {} // NOLINT: as std::atomic
  T load(std::memory_order) const noexcept { return value; }
  void store(T v, std::memory_order) noexcept { value = v; }
  bool compare_exchange_strong(T &expected, T wanted, std::memory_order, std::memory_order) noexcept;
};

struct model_platform {
  using lock = model_lock;
  template <class T>
  using atomic = model_atomic<T>;
  using task = model_task;
  static void wake(task &t) noexcept;
  static bool alive(const task &) noexcept { return true; }
};

using channel = rt::sync::basic_channel<model_platform>;
using selection = rt::sync::selection<model_platform>;
using one_case = rt::sync::selected_case<model_platform>;
using waiter = rt::sync::waiter<model_platform>;
using progress = rt::sync::progress<model_platform>;
using detail::attempt;

constexpr std::size_t stack_size = 64 << 10;

struct scenario {
  std::vector<std::function<void(model &)>> tasks;
  std::vector<std::size_t> capacities; // of the channels
  unsigned switches = 3;
  mistake with = mistake::none;
};

// Where a value is received: written once, while somebody waits there.
struct landing_place {
  bool open = true;
  std::optional<long> value;
};

// What is on a task's stack while it waits.
struct frame_of_wait {
  waiter alone;
  selection all;
  std::array<one_case, 3> cases;
  std::array<long, 3> values{};
  std::array<landing_place, 3> places;
  waiter expired;
  bool over = false;
};

void store_value(void *slot, void *value) noexcept {
  step();
  *static_cast<long *>(slot) = *static_cast<long *>(value);
}
void deliver_value(void *into, void *value) noexcept {
  step();
  auto &place = *static_cast<landing_place *>(into);
  if (!place.open || place.value)
    fail("delivered where nobody waits");
  place.value = *static_cast<long *>(value);
}
void discard_value(void *slot) noexcept { *static_cast<long *>(slot) = -1; }
void *obtain_slots(std::size_t slots);
void give_back_nothing(void *) noexcept {}
constexpr detail::element_type type = {sizeof(long), store_value, deliver_value, discard_value, obtain_slots, give_back_nothing};

class model {
public:
  model(explorer &e, const scenario &s) : explorer_(e), scenario_(s) {
    current = this;
    for (const std::size_t capacity : s.capacities)
      channels_.push_back(make_channel(capacity));
    grave_ = make_channel(0);
    for (const auto &body : s.tasks) {
      model_task &t = tasks_.emplace_back();
      start(t, [this, &body] { body(*this); });
    }
  }
  model(const model &) = delete;
  model &operator=(const model &) = delete;

  // What went wrong, or nothing.
  std::string run() {
    while (failure_.empty()) {
      strand *const s = pick();
      if (!s)
        break;
      running_ = s;
      rt::arch::__stillpoint_switch_context(&scheduler_, s->context);
    }
    if (failure_.empty())
      check_end();
    return failure_;
  }

  // The operations, as the runtime does them.

  bool send(unsigned to, long n) {
    long value = n;
    channel &c = *channels_[to];
    c.mutex.acquire();
    const progress p = c.begin_send(&value);
    if (p.result == attempt::would_wait)
      return sent(wait(c, &value, true), to, n);
    c.mutex.release();
    if (p.partner)
      finish(p, &value, true, false);
    return sent(p.result == attempt::done, to, n);
  }
  // Null: closed.
  std::optional<long> receive(unsigned from) {
    landing_place &place = places_.emplace_back();
    channel &c = *channels_[from];
    c.mutex.acquire();
    const progress p = c.begin_receive(&place);
    bool done = p.result == attempt::done;
    const bool direct = c.capacity == 0;
    if (p.result == attempt::would_wait) {
      done = wait(c, &place, false);
    } else {
      c.mutex.release();
      if (p.partner)
        finish(p, &place, false, direct);
    }
    return received(done, from, place);
  }
  bool close(unsigned which) {
    channel &c = *channels_[which];
    waiter *woken = nullptr;
    c.mutex.acquire();
    const bool open = c.begin_close(woken);
    c.mutex.release();
    channel::finish_close(woken);
    return open;
  }
  // The caller knows that it is the last.
  void destroy(unsigned which) { channels_[which]->mutex.dead = true; }

  struct wanted {
    unsigned channel;
    bool sends;
    long value = 0;
  };
  enum class patience { for_ever, some, none };
  // The case that went on, or its number of cases.
  std::size_t select(const std::vector<wanted> &cases, patience how_long);

  unsigned choose(unsigned count) { return explorer_.choose(count); }
  bool mistaken(mistake m) const { return scenario_.with == m; }
  void yield() { rt::arch::__stillpoint_switch_context(&running_->context, scheduler_); }
  void fail(const char *what) {
    if (failure_.empty())
      failure_ = what;
  }
  strand &self() { return *running_; }
  bool channel_has_value(unsigned which) { return channels_[which]->receive_would_go(); }
  bool in_timer = false;
  void *buffer(std::size_t slots) { return buffers_.emplace_back(std::make_unique<long[]>(slots)).get(); }

private:
  model_task &task() { return static_cast<model_task &>(*running_); }

  void start(strand &s, std::function<void()> body) {
    if (stacks.size() <= started_)
      stacks.push_back(std::make_unique<std::array<char, stack_size>>());
    char *const high = stacks[started_++]->data() + stack_size;
    s.body = std::move(body);
    s.is = status::ready;
    s.context = rt::arch::make_context(reinterpret_cast<std::uintptr_t>(high) & ~std::uintptr_t{63}, enter, &s, leave);
  }
  static void enter(void *s) { static_cast<strand *>(s)->body(); }
  static void leave() {
    current->running_->is = status::ended;
    current->yield();
  }

  void park(std::function<void()> commit) {
    model_task &t = task();
    t.is = status::parked;
    start(t.commit, std::move(commit));
    yield();
  }

  bool wait(channel &c, void *value, bool sends) {
    frame_of_wait &f = *frames_.emplace_back(std::make_unique<frame_of_wait>());
    waiter &w = f.alone;
    w.who = &task();
    w.value = value;
    sends ? c.wait_to_send(w) : c.wait_to_receive(w);
    if (mistaken(mistake::parks_behind_the_lock)) {
      c.mutex.release();
      park([] {});
    } else {
      park([&c] { c.mutex.release(); });
    }
    const bool completed = w.completed;
    bury(f);
    return completed;
  }

  void bury(frame_of_wait &f) {
    f.over = true;
    f.alone.who = &dead_;
    for (one_case &c : f.cases) {
      c.who = &dead_;
      c.group = nullptr;
      c.where = grave_;
      c.after = nullptr;
    }
    for (landing_place &p : f.places)
      p.open = false;
  }

  void finish(const progress &p, void *mine, bool sends, bool direct) {
    if (mistaken(mistake::wakes_before_it_delivers)) {
      waiter copy = *p.partner;
      p.partner->completed = true;
      model_platform::wake(*copy.who);
      if (sends)
        type.deliver(copy.value, mine);
      else if (direct)
        type.deliver(mine, copy.value);
    } else if (sends) {
      channel::finish_send(type, *p.partner, mine);
    } else {
      channel::finish_receive(type, *p.partner, mine, direct);
    }
  }

  bool sent(bool done, unsigned to, long n) {
    if (done)
      sent_[to].push_back(n);
    return done;
  }
  std::optional<long> received(bool done, unsigned from, landing_place &place) {
    place.open = false;
    if (done != place.value.has_value())
      fail("a receive that is done has a value");
    if (place.value)
      received_[{&task(), from}].push_back(*place.value);
    return place.value;
  }

  bool can_go_on(const strand &s) const { return s.is == status::ready || (s.is == status::blocked && !s.wants->held); }

  strand *pick() {
    std::vector<strand *> able;
    std::vector<model_task *> timers;
    const bool last_can = running_ && can_go_on(*running_);
    if (last_can)
      able.push_back(running_);
    if (!last_can || switches_ < scenario_.switches)
      for (model_task &t : tasks_) {
        for (strand *const s : {static_cast<strand *>(&t), &t.commit})
          if (s != running_ && can_go_on(*s))
            able.push_back(s);
        if (t.timer)
          timers.push_back(&t);
      }
    const auto all = static_cast<unsigned>(able.size() + timers.size());
    if (all == 0)
      return nullptr;
    const unsigned which = explorer_.choose(all);
    switches_ += last_can && which != 0;
    if (which < able.size())
      return able[which];
    // Under the lock of the timers: in one step.
    in_timer = true;
    std::exchange(timers[which - able.size()]->timer, {})();
    in_timer = false;
    return pick();
  }

  void check_end();

  // At the same addresses in every run: the order of the locks is theirs.
  channel *make_channel(std::size_t capacity) {
    alignas(channel) static std::byte memory[4 * sizeof(channel)];
    void *const place = memory + made_++ * sizeof(channel);
    return ::new (place) channel(type, capacity, capacity ? type.obtain(capacity) : nullptr);
  }

  static std::vector<std::unique_ptr<std::array<char, stack_size>>> stacks;
  explorer &explorer_;
  const scenario &scenario_;
  std::vector<channel *> channels_;
  channel *grave_ = nullptr; // where the cases of selects that are over lie
  model_task dead_;
  std::deque<model_task> tasks_;
  std::deque<landing_place> places_;
  std::vector<std::unique_ptr<frame_of_wait>> frames_;
  std::vector<std::unique_ptr<long[]>> buffers_;
  std::map<unsigned, std::vector<long>> sent_;
  std::map<std::pair<model_task *, unsigned>, std::vector<long>> received_;
  std::size_t started_ = 0;
  std::size_t made_ = 0;
  strand *running_ = nullptr;
  void *scheduler_ = nullptr;
  unsigned switches_ = 0;
  std::string failure_;
};
std::vector<std::unique_ptr<std::array<char, stack_size>>> model::stacks;

void step() { current->yield(); }
void fail(const char *what) { current->fail(what); }
void *obtain_slots(std::size_t slots) { return current->buffer(slots); }

void model_lock::acquire() noexcept {
  step();
  strand &me = current->self();
  while (held) {
    me.is = status::blocked;
    me.wants = this;
    step();
  }
  me.is = status::ready;
  if (dead)
    fail("a channel is locked after its end");
  held = true;
}

void model_lock::release() noexcept {
  if (dead || !held)
    fail("a lock is given back that nobody holds");
  held = false;
  step();
}

template <class T>
bool model_atomic<T>::compare_exchange_strong(T &expected, T wanted, std::memory_order, std::memory_order) noexcept {
  if (current->in_timer)
    return value == expected ? (value = wanted, true) : (expected = value, false);
  step();
  if (value != expected) {
    expected = value;
    return false;
  }
  if (current->mistaken(mistake::claims_in_two_steps))
    step();
  value = wanted;
  return true;
}

void model_platform::wake(model_task &t) noexcept {
  step();
  if (t.is != status::parked)
    fail("woken, but not parked");
  t.is = status::ready;
}

std::size_t model::select(const std::vector<wanted> &cases, patience how_long) {
  frame_of_wait &f = *frames_.emplace_back(std::make_unique<frame_of_wait>());
  const std::size_t count = cases.size();
  const auto end = [&](std::size_t i, bool done) {
    if (i < count && !cases[i].sends)
      received(done, cases[i].channel, f.places[i]);
    else if (i < count)
      sent(done, cases[i].channel, cases[i].value);
    bury(f);
    return i;
  };
  const auto place_of = [&](std::size_t i) {
    return cases[i].sends ? static_cast<void *>(&f.values[i]) : static_cast<void *>(&f.places[i]);
  };

  // The look without locks.
  std::vector<std::size_t> ready;
  for (std::size_t i = 0; i < count; ++i) {
    f.values[i] = cases[i].value;
    step();
    const channel &c = *channels_[cases[i].channel];
    if (cases[i].sends ? c.send_would_go() : c.receive_would_go())
      ready.push_back(i);
  }
  if (!ready.empty()) {
    const std::size_t i = ready[choose(static_cast<unsigned>(ready.size()))];
    channel &c = *channels_[cases[i].channel];
    c.mutex.acquire();
    const progress p = cases[i].sends ? c.begin_send(place_of(i)) : c.begin_receive(place_of(i));
    const bool direct = c.capacity == 0;
    c.mutex.release();
    if (p.partner)
      finish(p, place_of(i), cases[i].sends, direct);
    if (p.result != attempt::would_wait)
      return end(i, p.result == attempt::done);
  }

  for (std::size_t i = 0; i < count; ++i) {
    one_case &c = f.cases[i];
    c.where = channels_[cases[i].channel];
    c.value = place_of(i);
    c.sends = cases[i].sends;
    c.index = i;
    f.all.add(c);
  }
  f.all.sort();
  f.all.lock_all();
  progress p{};
  if (one_case *const c = f.all.choose([this](std::uint32_t n) { return choose(n); }, p)) {
    const bool direct = c->where->capacity == 0;
    f.all.unlock_all();
    if (p.partner)
      finish(p, c->value, c->sends, direct);
    return end(c->index, p.result == attempt::done);
  }
  if (how_long == patience::none) {
    f.all.unlock_all();
    return end(count, false);
  }
  model_task &me = task();
  f.expired.who = &me;
  const auto set_timer = [&f, &me, how_long] {
    if (how_long == patience::some)
      me.timer = [&f, &me] {
        if (f.over)
          test::fail("a timer of a select that is over");
        else if (f.all.group.claim(f.expired))
          me.is = status::ready;
      };
  };
  f.all.wait(me);
  if (mistaken(mistake::timer_behind_the_locks))
    park([&f, set_timer] {
      f.all.unlock_all();
      set_timer();
    });
  else
    park([&f, set_timer] {
      set_timer();
      f.all.unlock_all();
    });
  me.timer = {};
  if (mistaken(mistake::goes_on_without_the_locks))
    for (std::size_t i = 0; i < count; ++i)
      f.cases[i].where->stop_waiting(f.cases[i], f.cases[i].sends);
  else
    f.all.stop_waiting();
  const waiter *const winner = f.all.group.winner.load(std::memory_order_relaxed);
  if (winner == &f.expired)
    return end(count, false);
  const auto &won = static_cast<const one_case &>(*winner);
  return end(won.index, won.completed);
}

void model::check_end() {
  running_ = nullptr;
  for (const model_task &t : tasks_)
    if (t.is != status::ended || t.commit.is != status::ended)
      return fail("sleeps for ever");
  std::map<unsigned, std::vector<long>> arrived;
  for (auto &[who, values] : received_) {
    std::map<long, long> last; // of each sender, whose values ascend
    for (const long v : values) {
      if (last[v / 100] > v)
        return fail("out of order");
      last[v / 100] = v;
      arrived[who.second].push_back(v);
    }
  }
  for (unsigned i = 0; i < channels_.size(); ++i) {
    std::vector<long> &there = arrived[i];
    there.insert(there.end(), sent_[i].size() - std::min(sent_[i].size(), there.size()), 0);
    std::size_t missing = static_cast<std::size_t>(std::count(there.begin(), there.end(), 0));
    if (missing != channels_[i]->count.load(std::memory_order_relaxed))
      return fail("lost or doubled");
    std::vector<long> left = sent_[i];
    for (const long v : there)
      if (v != 0) {
        const auto at = std::find(left.begin(), left.end(), v);
        if (at == left.end())
          return fail("received, but not sent");
        left.erase(at);
      }
  }
}

struct result {
  std::string failure;
  std::uint64_t runs = 0;
};

result explore(const scenario &s) {
  explorer e;
  result r;
  do {
    model m(e, s);
    r.failure = m.run();
    ++r.runs;
  } while (r.failure.empty() && e.next());
  return r;
}

void expect_right(const scenario &s) {
  const result r = explore(s);
  EXPECT_EQ(r.failure, "") << "in run " << r.runs;
  std::printf("%llu interleavings\n", static_cast<unsigned long long>(r.runs));
}

using patience = model::patience;

// Of two values, in this order.
void send_two(model &m, unsigned to, long first) {
  m.send(to, first);
  m.send(to, first + 1);
}
void receive_two(model &m, unsigned from) {
  m.receive(from);
  m.receive(from);
}

TEST(chan_model_test, one_sender_one_receiver) {
  for (const std::size_t capacity : {0, 1, 2})
    expect_right(
        {.tasks = {[](model &m) { send_two(m, 0, 100); }, [](model &m) { receive_two(m, 0); }}, .capacities = {capacity}, .switches = 6});
}

TEST(chan_model_test, two_senders_one_receiver) {
  for (const std::size_t capacity : {0, 1})
    expect_right({.tasks = {[](model &m) { m.send(0, 100); }, [](model &m) { m.send(0, 200); }, [](model &m) { receive_two(m, 0); }},
                  .capacities = {capacity},
                  .switches = 3});
}

TEST(chan_model_test, one_sender_two_receivers_and_a_close) {
  for (const std::size_t capacity : {0, 1})
    expect_right({.tasks = {[](model &m) {
                              m.send(0, 100);
                              if (!m.close(0))
                                fail("closed by whom?");
                            },
                            [](model &m) { m.receive(0); }, [](model &m) { m.receive(0); }},
                  .capacities = {capacity},
                  .switches = 3});
}

TEST(chan_model_test, close_against_a_sender) {
  for (const std::size_t capacity : {0, 1})
    expect_right({.tasks = {[](model &m) {
                              const bool first = m.send(0, 100);
                              if (m.send(0, 101) && !first)
                                fail("sent behind the close");
                            },
                            [](model &m) { m.close(0); },
                            [](model &m) {
                              while (m.receive(0))
                                ;
                            }},
                  .capacities = {capacity},
                  .switches = 3});
}

// Who received the last value may end the channel.
TEST(chan_model_test, the_last_receiver_ends_the_channel) {
  for (const std::size_t capacity : {0, 1})
    expect_right({.tasks = {[](model &m) { m.send(0, 100); },
                            [](model &m) {
                              m.receive(0);
                              m.destroy(0);
                            }},
                  .capacities = {capacity},
                  .switches = 6});
}

TEST(chan_model_test, select_of_two_against_two_senders) {
  for (const std::size_t capacity : {0, 1})
    expect_right({.tasks = {[](model &m) { m.send(0, 100); }, [](model &m) { m.send(1, 200); },
                            [](model &m) {
                              for (int i = 0; i < 2; ++i)
                                m.select({{0, false}, {1, false}}, patience::for_ever);
                            }},
                  .capacities = {capacity, 0},
                  .switches = 2});
}

// Each would send to the other or receive from it.
TEST(chan_model_test, selects_that_face_each_other) {
  const auto one = [](long n) {
    return [n](model &m) {
      const bool odd = n == 100;
      m.select({{odd ? 0u : 1u, true, n}, {odd ? 1u : 0u, false}}, patience::for_ever);
    };
  };
  expect_right({.tasks = {one(100), one(200)}, .capacities = {0, 0}, .switches = 4});
}

TEST(chan_model_test, a_select_that_sends_and_receives_on_one_channel) {
  const auto both = [](long n) { return [n](model &m) { m.select({{0, true, n}, {0, false}}, patience::for_ever); }; };
  expect_right({.tasks = {both(100), both(200)}, .capacities = {0}, .switches = 4});
}

TEST(chan_model_test, select_with_a_timeout) {
  for (const std::size_t capacity : {0, 1})
    expect_right({.tasks = {[](model &m) { m.select({{0, true, 100}}, patience::some); },
                            [](model &m) { m.select({{0, false}, {1, false}}, patience::some); }},
                  .capacities = {capacity, 0},
                  .switches = 4});
}

TEST(chan_model_test, select_between_a_value_and_a_close) {
  expect_right({.tasks = {[](model &m) { m.close(1); }, [](model &m) { m.select({{0, true, 100}, {1, true, 101}}, patience::for_ever); },
                          [](model &m) { m.select({{0, false}}, patience::some); }},
                .capacities = {0, 0},
                .switches = 2});
}

// One of two is always ready (Go's TestNonblockSelectRace).
TEST(chan_model_test, no_default_while_one_is_ready) {
  for (const bool by_close : {false, true})
    expect_right({.tasks = {[=](model &m) {
                              m.send(0, 100);
                              m.yield();
                              by_close ? void(m.close(1)) : void(m.send(1, 101));
                              m.select({{0, false}}, patience::none);
                            },
                            [](model &m) {
                              if (!m.channel_has_value(0))
                                return;
                              if (m.select({{1, false}, {0, false}}, patience::none) == 2)
                                fail("the default, although one was ready all the time");
                            }},
                  .capacities = {1, 1},
                  .switches = 4});
}

TEST(chan_model_test, finds_mistakes) {
  const auto pair = [](mistake m) {
    return explore({.tasks = {[](model &o) { send_two(o, 0, 100); }, [](model &o) { receive_two(o, 0); }},
                    .capacities = {0},
                    .switches = 2,
                    .with = m})
        .failure;
  };
  EXPECT_NE(pair(mistake::parks_behind_the_lock), "");
  EXPECT_NE(pair(mistake::wakes_before_it_delivers), "");
  const auto timed = [](mistake m) {
    return explore({.tasks = {[](model &o) { o.select({{0, false}, {1, false}}, patience::some); },
                              [](model &o) { o.select({{0, true, 100}}, patience::none); }},
                    .capacities = {0, 0},
                    .switches = 3,
                    .with = m})
        .failure;
  };
  EXPECT_NE(timed(mistake::claims_in_two_steps), "");
  EXPECT_NE(timed(mistake::timer_behind_the_locks), "");
  EXPECT_NE(timed(mistake::goes_on_without_the_locks), "");
  EXPECT_EQ(timed(mistake::none), "");
}

} // namespace
} // namespace stillpoint::test
