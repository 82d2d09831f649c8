// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What belongs to a thread and a task carries with it: errno, rounding modes and floating-point flags, the exceptions being handled; and the
// locks that it holds.
#include "runtime/arch/arch.h"
#include "stillpoint/preempt.hpp"
#include "test/preempt/fake/spinning.h"

#include <cerrno>
#include <cfenv>
#include <cstdio>
#include <gtest/gtest.h>
#include <mutex>
#include <pthread.h>
#include <shared_mutex>
#include <stdexcept>
#include <string>
#include <threads.h>

namespace {

using namespace stillpoint;
using test::fake_task;
using test::fake_worker;

// Leaves the worker as a task does that blocks.
void give_way() {
  rt::worker &w = *rt::this_worker();
  rt::arch::__stillpoint_switch_context(&w.current->context, w.scheduler_context);
}

// Out of line, because the task may be on another thread than when its caller last asked.
[[gnu::noinline]] int errno_now() {
  asm volatile("");
  return errno;
}

struct outcome {
  int number = 0; // each task's own
  std::string wrong;
  void expect(bool holds, const char *what) {
    if (!holds && wrong.empty())
      wrong = what;
  }
};

[[gnu::noinline]] void handle_exceptions(outcome &o, int round) {
  const std::string mine = std::to_string(o.number) + "/" + std::to_string(round);
  try {
    throw std::runtime_error(mine);
  } catch (const std::exception &outer) {
    give_way();
    try {
      throw std::logic_error("inner " + mine);
    } catch (const std::exception &inner) {
      give_way();
      o.expect(inner.what() == "inner " + mine, "inner exception");
      try {
        std::rethrow_exception(std::current_exception());
      } catch (const std::logic_error &again) {
        o.expect(again.what() == "inner " + mine, "current_exception");
      }
    }
    o.expect(outer.what() == mine, "outer exception");
    o.expect(std::uncaught_exceptions() == 0, "uncaught count");
  }
  o.expect(std::current_exception() == nullptr, "nothing handled any more");
}

void carry(void *argument) {
  auto &o = *static_cast<outcome *>(argument);
  const int rounding[] = {FE_TONEAREST, FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO};
  std::fesetround(rounding[o.number % 4]);
  std::feclearexcept(FE_ALL_EXCEPT);
  if (o.number % 2 != 0)
    std::feraiseexcept(FE_DIVBYZERO | FE_OVERFLOW);
  for (int round = 0; round < 50; ++round) {
    errno = 1000 * o.number + round;
    give_way();
    o.expect(errno_now() == 1000 * o.number + round, "errno");
    o.expect(std::fegetround() == rounding[o.number % 4], "rounding mode");
    o.expect((std::fetestexcept(FE_ALL_EXCEPT) & (FE_DIVBYZERO | FE_OVERFLOW)) == (o.number % 2 != 0 ? FE_DIVBYZERO | FE_OVERFLOW : 0),
             "floating-point flags");
    handle_exceptions(o, round);
  }
}

TEST(carried, errno_rounding_flags_and_exceptions_over_threads) {
  outcome outcomes[4];
  std::vector<std::unique_ptr<fake_task>> tasks;
  for (int i = 0; i < 4; ++i) {
    outcomes[i].number = i;
    tasks.push_back(std::make_unique<fake_task>(carry, &outcomes[i]));
  }
  while (std::any_of(tasks.begin(), tasks.end(), [](const auto &t) { return !t->finished; }))
    std::thread([&] {
      fake_worker w;
      for (int turn = 0; turn < 7; ++turn)
        for (const auto &t : tasks)
          if (!t->finished)
            w.resume(*t);
      EXPECT_EQ(std::current_exception(), nullptr);
      EXPECT_EQ(std::fegetround(), FE_TONEAREST) << "the scheduler computes with its own";
    }).join();
  for (const outcome &o : outcomes)
    EXPECT_EQ(o.wrong, "");
}

TEST(carried, a_thread_gets_its_own_words_back) {
  std::fesetround(FE_UPWARD);
  {
    const fake_worker w;
    EXPECT_EQ(std::fegetround(), FE_TONEAREST);
  }
  EXPECT_EQ(std::fegetround(), FE_UPWARD);
  std::fesetround(FE_TONEAREST);
}

std::uint32_t held() { return rt::this_worker()->current->held_mutexes; }

void hold_locks(void *argument) {
  auto &o = *static_cast<outcome *>(argument);
  std::mutex plain;
  std::recursive_mutex recursive;
  std::shared_timed_mutex shared;
  {
    const std::scoped_lock both(plain, recursive);
    o.expect(held() == 2, "two mutexes");
    const std::scoped_lock again(recursive);
    o.expect(held() == 3, "one of them twice");
    o.expect(pthread_mutex_trylock(plain.native_handle()) == EBUSY && held() == 3, "a failed attempt");
  }
  o.expect(held() == 0, "all given back");
  {
    const std::shared_lock first(shared);
    o.expect(held() == 1 && shared.try_lock_shared() && held() == 2, "shared");
    shared.unlock_shared();
    o.expect(!shared.try_lock_for(std::chrono::milliseconds(1)) && held() == 1, "timed out");
  }
  pthread_spinlock_t spin;
  pthread_spin_init(&spin, PTHREAD_PROCESS_PRIVATE);
  pthread_spin_lock(&spin);
  o.expect(held() == 1, "spin lock");
  pthread_spin_unlock(&spin);
  mtx_t c11;
  mtx_init(&c11, mtx_timed);
  mtx_lock(&c11);
  flockfile(stdout);
  o.expect(held() == 2, "C11 mutex and file");
  funlockfile(stdout);
  mtx_unlock(&c11);
  static const std::uint32_t inside = held(); // under the static's guard
  o.expect(inside == 1, "guard of a static");
  o.expect(held() == 0, "nothing left");
}

TEST(carried, locks_are_counted) {
  outcome o;
  fake_worker w;
  fake_task t(hold_locks, &o);
  EXPECT_EQ(w.run_to_end(t), 0u);
  EXPECT_EQ(o.wrong, "");
}

void hold_and_park(void *argument) {
  std::mutex m;
  const std::scoped_lock lock(m);
  *static_cast<bool *>(argument) = true;
  give_way();
}

TEST(carried, a_task_that_holds_a_lock_may_not_migrate) {
  bool there = false;
  fake_worker w;
  fake_task t(hold_and_park, &there);
  EXPECT_TRUE(w.resume(t));
  EXPECT_TRUE(there);
  EXPECT_FALSE(rt::preempt::may_migrate(t.control));
  EXPECT_FALSE(w.resume(t));
}

// may_migrate walks from where a task called the runtime.
TEST(carried, may_migrate_by_the_calls_on_the_stack) {
  const test::kernel_tables tables;
  struct {
    void (*entry)(void *);
    bool may;
  } const cases[] = {{call_spin, true}, {call_spin_pinned, false}, {call_spin_unsafe, false}, {call_spin_unknown, false}};
  for (const auto &[entry, may] : cases) {
    test::spin_flag flag;
    fake_task t(entry, &flag);
    EXPECT_FALSE(rt::preempt::may_migrate(t.control)) << "no caller is recorded";
    // As if it had called the runtime in the place of spin_safe: the call ends 6 bytes behind the function's start.
    std::uintptr_t stack[3] = {0, 0, rt::arch::task_base()};
    const std::uintptr_t low = t.control.stack_low, high = t.control.stack_high;
    t.control.stack_low = reinterpret_cast<std::uintptr_t>(stack);
    t.control.stack_high = reinterpret_cast<std::uintptr_t>(stack + 3);
    t.control.caller = {reinterpret_cast<std::uintptr_t>(entry) + 6, reinterpret_cast<std::uintptr_t>(stack + 1), 0};
    EXPECT_EQ(rt::preempt::may_migrate(t.control), may);
    t.control.stack_low = low;
    t.control.stack_high = high;
  }
}

} // namespace
