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
#ifndef STILLPOINT_TEST_SYNC_CHAN_MODEL_H
#define STILLPOINT_TEST_SYNC_CHAN_MODEL_H

#include "explorer.h"
#include "sync/selection.h"

#include "sched/core.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace stillpoint::test::chan_model {

enum class mistake {
  none,
  parks_behind_the_lock,
  claims_in_two_steps,
  timer_behind_the_locks,
  goes_on_without_the_locks,
  wakes_before_it_delivers
};

class model;
extern model *current;
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

inline constexpr std::size_t stack_size = 64 << 10;

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

inline void store_value(void *slot, void *value) noexcept {
  step();
  *static_cast<long *>(slot) = *static_cast<long *>(value);
}
inline void deliver_value(void *into, void *value) noexcept {
  step();
  auto &place = *static_cast<landing_place *>(into);
  if (!place.open || place.value)
    fail("delivered where nobody waits");
  place.value = *static_cast<long *>(value);
}
inline void discard_value(void *slot) noexcept { *static_cast<long *>(slot) = -1; }
void *obtain_slots(std::size_t slots);
inline void give_back_nothing(void *) noexcept {}
inline constexpr detail::element_type type = {sizeof(long), store_value, deliver_value, discard_value, obtain_slots, give_back_nothing};

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
  // Until somebody waits to receive; false: it was closed.
  bool watch(unsigned which) {
    channel &c = *channels_[which];
    for (;;) {
      c.mutex.acquire();
      const bool open = !c.closed();
      const model_task *const receiver = c.receiver();
      if (!open || receiver) {
        if (receiver && receiver->is == status::ended)
          fail("a receiver that has ended");
        c.mutex.release();
        return open;
      }
      frame_of_wait &f = *frames_.emplace_back(std::make_unique<frame_of_wait>());
      f.alone.who = &task();
      c.wait_for_receiver(f.alone);
      park([&c] { c.mutex.release(); });
      bury(f);
    }
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

} // namespace stillpoint::test::chan_model

#endif
