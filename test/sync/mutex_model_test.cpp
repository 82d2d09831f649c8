// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The mutex's protocol through all interleavings, up to a bound: mutex_protocol.h over a host in which every access to the word and to the
// list is a point where another thread may go on.
//
// Mechanism: threads are contexts on one real thread. A run makes a sequence of choices (who goes on; does the timer of a parked one end its
// wait; has it waited too long); the next run repeats them up to the last that has an alternative, and takes that: a depth-first search without
// a stored state. Going on with another thread although the last one could is limited to a few times a run (most mistakes need two).
// Checked: one owner at a time; nobody sleeps for ever; a starved mutex is handed over, not freed; at the end the word is zero and the list empty;
// nobody touches the mutex when the task that came last has returned from unlock(), for that one may destroy it. Not modelled: orders of
// memory (all is sequentially consistent here).
// The protocol is given small mistakes, to see that they are found.
#include "explorer.h"
#include "sync/mutex_protocol.h"

#include "sched/core.h"

#include <array>
#include <cstdint>
#include <deque>
#include <gtest/gtest.h>
#include <memory>
#include <string>
#include <vector>

namespace stillpoint::test {
namespace {

using rt::sync::mutex_bits;

enum class mistake {
  none,
  keeps_woken_when_it_parks,
  frees_before_it_takes_the_list,
  forgets_starved,
  wakes_nobody_when_awake_gives_up,
  forgets_the_others_in_haste
};

enum class status { ready, blocked_on_list, parked, ended };

struct thread {
  void *context = nullptr;
  status is = status::ready;
  unsigned number = 0;
  unsigned locks = 1;
  bool timed = false;
  // Its wait.
  bool in_list = false, claimed = false, with_lock = false, timed_out = false;
};

constexpr std::size_t stack_size = 32 << 10;

struct scenario {
  std::vector<unsigned> locks; // how often each thread locks
  std::vector<bool> timed;     // whether its waits may end by themselves
  unsigned switches = 3;
  mistake with = mistake::none;
};

class model;
model *current = nullptr;

class model {
public:
  model(explorer &e, const scenario &s) : explorer_(e), scenario_(s) {
    for (unsigned i = 0; i < s.locks.size(); ++i) {
      thread &t = threads_.emplace_back();
      t.number = i;
      t.locks = s.locks[i];
      t.timed = s.timed[i];
      if (stacks.size() <= i)
        stacks.push_back(std::make_unique<std::array<char, stack_size>>());
      t.context =
          rt::arch::make_context(reinterpret_cast<std::uintptr_t>(stacks[i]->data() + stack_size) & ~std::uintptr_t{63}, body, &t, ended);
    }
    current = this;
  }

  // What went wrong, or nothing.
  std::string run() {
    while (failure_.empty()) {
      thread *const t = pick();
      if (!t)
        break;
      running_ = t;
      rt::arch::__stillpoint_switch_context(&scheduler_, t->context);
    }
    if (failure_.empty()) {
      for (const thread &t : threads_)
        if (t.is != status::ended)
          fail("sleeps for ever");
      if (word_ != 0 || !list_.empty())
        fail("not as it was at the end");
    }
    return failure_;
  }

  thread &self() { return *running_; }
  void step() { rt::arch::__stillpoint_switch_context(&running_->context, scheduler_); }
  void touch() {
    step();
    if (destroyed_)
      fail("touched after its end");
  }
  void fail(const char *what) {
    if (failure_.empty())
      failure_ = what;
  }
  unsigned choose(unsigned count) { return explorer_.choose(count); }

  std::uint32_t word_ = 0;
  std::deque<thread *> list_;
  thread *list_holder_ = nullptr;
  int inside_ = 0;
  unsigned arrived_ = 0; // locks that were had or given up
  bool destroyed_ = false;
  explorer &explorer_;
  const scenario &scenario_;

private:
  static void body(void *argument);
  static void ended() {
    current->running_->is = status::ended;
    current->step();
  }

  void time_out(thread &t) {
    t.timed_out = true;
    t.is = status::ready;
  }

  bool can_go_on(const thread &t) const { return t.is == status::ready || (t.is == status::blocked_on_list && !list_holder_); }

  thread *pick() {
    std::vector<thread *> able;
    std::vector<bool> by_timer;
    const bool last_can = running_ && can_go_on(*running_);
    if (last_can) {
      able.push_back(running_);
      by_timer.push_back(false);
    }
    if (!last_can || switches_ < scenario_.switches)
      for (thread &t : threads_) {
        if (&t != running_ && can_go_on(t)) {
          able.push_back(&t);
          by_timer.push_back(false);
        }
        if (t.is == status::parked && t.timed && !t.claimed) {
          able.push_back(&t);
          by_timer.push_back(true);
        }
      }
    if (able.empty())
      return nullptr;
    const unsigned which = explorer_.choose(static_cast<unsigned>(able.size()));
    if (last_can && which != 0)
      ++switches_;
    if (by_timer[which])
      time_out(*able[which]);
    return able[which];
  }

  static std::vector<std::unique_ptr<std::array<char, stack_size>>> stacks;
  std::deque<thread> threads_;
  thread *running_ = nullptr;
  void *scheduler_ = nullptr;
  unsigned switches_ = 0;
  std::string failure_;
};
std::vector<std::unique_ptr<std::array<char, stack_size>>> model::stacks;

class model_host : mutex_bits {
public:
  enum class woke { with_lock, to_try, gave_up };

  explicit model_host(model &m) : m_(m) {}

  // What mutex.hpp does before it calls the runtime.
  bool try_lock() {
    m_.touch();
    if ((m_.word_ & locked) != 0)
      return false;
    m_.word_ = m_.scenario_.with == mistake::forgets_the_others_in_haste ? locked : m_.word_ | locked;
    return true;
  }
  bool try_unlock() {
    m_.touch();
    if (m_.word_ != locked)
      return false;
    m_.word_ = 0;
    return true;
  }

  std::uint32_t load() {
    m_.touch();
    return m_.word_;
  }
  bool change(std::uint32_t &seen, std::uint32_t wanted, std::memory_order) {
    m_.touch();
    if (m_.word_ != seen) {
      seen = m_.word_;
      return false;
    }
    if (m_.scenario_.with == mistake::keeps_woken_when_it_parks && (seen & woken) && (wanted & locked) && !(wanted & woken) &&
        (wanted & parked))
      wanted |= woken;
    if (m_.scenario_.with == mistake::forgets_starved)
      wanted &= ~(parked & (seen & starved) / 2);
    if ((wanted & starved) != 0 && (wanted & (locked | parked)) != (locked | parked))
      m_.fail("starved, and free or waited for by nobody");
    m_.word_ = wanted;
    return true;
  }
  void lock_list() {
    if (m_.scenario_.with == mistake::frees_before_it_takes_the_list && m_.inside_ == 0 && holds_)
      m_.word_ &= ~locked;
    m_.step();
    thread &t = m_.self();
    while (m_.list_holder_) {
      t.is = status::blocked_on_list;
      m_.step();
    }
    t.is = status::ready;
    m_.list_holder_ = &t;
  }
  void unlock_list() {
    m_.list_holder_ = nullptr;
    m_.step();
  }
  bool list_empty() { return m_.list_.empty(); }
  static bool spin(unsigned round) { return round < 1; }
  static void start() {}
  std::uint64_t waited() { return m_.choose(2) ? rt::sync::starvation_ns : 0; }
  bool waited_long(const thread *) { return m_.choose(2) != 0; }

  woke park(bool front) {
    thread &t = m_.self();
    t.in_list = true;
    t.claimed = t.timed_out = t.with_lock = false;
    if (front)
      m_.list_.push_front(&t);
    else
      m_.list_.push_back(&t);
    t.is = status::parked;
    m_.list_holder_ = nullptr;
    m_.step();
    if (t.timed_out)
      return woke::gave_up;
    return t.with_lock ? woke::with_lock : woke::to_try;
  }
  void leave() {
    thread &t = m_.self();
    if (t.in_list)
      std::erase(m_.list_, &t);
    t.in_list = false;
    if (m_.scenario_.with == mistake::wakes_nobody_when_awake_gives_up)
      m_.word_ |= woken;
  }
  thread *claim_first() {
    while (!m_.list_.empty()) {
      thread *const t = m_.list_.front();
      m_.list_.pop_front();
      t->in_list = false;
      if (!t->timed_out) {
        t->claimed = true;
        return t;
      }
    }
    return nullptr;
  }
  void wake(thread *t, bool with_lock) {
    m_.step();
    t->with_lock = with_lock;
    t->is = status::ready;
  }
  void misuse() { m_.fail("unlocked by nobody"); }

  bool holds_ = false;

private:
  model &m_;
};

void model::body(void *argument) {
  thread &t = *static_cast<thread *>(argument);
  model &m = *current;
  model_host h(m);
  unsigned all = 0;
  for (const unsigned locks : m.scenario_.locks)
    all += locks;
  for (unsigned i = 0; i < t.locks; ++i) {
    const bool had = h.try_lock() || rt::sync::mutex_protocol<model_host>::lock(h);
    if (had) {
      if (++m.inside_ != 1)
        m.fail("two owners");
      m.step();
      --m.inside_;
    }
    const bool last = ++m.arrived_ == all;
    if (had) {
      h.holds_ = true;
      if (!h.try_unlock())
        rt::sync::mutex_protocol<model_host>::unlock(h);
      h.holds_ = false;
    }
    if (last && m.inside_ == 0 && had)
      m.destroyed_ = true;
  }
}

void expect_right(const scenario &s) { expect_right_in_all_runs<model>(s); }

TEST(mutex_model_test, two_threads) { expect_right({.locks = {2, 2}, .timed = {false, false}, .switches = 4}); }
TEST(mutex_model_test, three_threads) { expect_right({.locks = {1, 1, 1}, .timed = {false, false, false}, .switches = 3}); }
TEST(mutex_model_test, three_threads_that_come_back) { expect_right({.locks = {2, 1, 2}, .timed = {false, false, false}, .switches = 2}); }
TEST(mutex_model_test, two_threads_with_deadlines) { expect_right({.locks = {2, 2}, .timed = {false, true}, .switches = 3}); }
TEST(mutex_model_test, three_threads_with_deadlines) { expect_right({.locks = {1, 1, 1}, .timed = {false, true, true}, .switches = 3}); }

TEST(mutex_model_test, finds_mistakes) {
  const auto found = [](mistake m) {
    return explore<model>(scenario{.locks = {2, 1, 2}, .timed = {false, true, false}, .switches = 2, .with = m}).failure;
  };
  EXPECT_NE(found(mistake::keeps_woken_when_it_parks), "");
  EXPECT_NE(found(mistake::frees_before_it_takes_the_list), "");
  EXPECT_NE(found(mistake::forgets_starved), "");
  EXPECT_NE(found(mistake::wakes_nobody_when_awake_gives_up), "");
  EXPECT_NE(found(mistake::forgets_the_others_in_haste), "");
}

} // namespace
} // namespace stillpoint::test
