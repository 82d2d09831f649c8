// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The standard library's locks on one processor: a task that holds one is not stopped for another that would wait for it in the kernel, and
// one that waits in the kernel does not keep the processor from who will wake it.
#include "support.h"

#include <condition_variable>
#include <mutex>
#include <shared_mutex>
#include <thread>

namespace stillpoint::test {
namespace {

// Several slices long.
void spin_for(std::chrono::milliseconds d) {
  const auto end = std::chrono::steady_clock::now() + d;
  while (std::chrono::steady_clock::now() < end)
    ;
}

// Two tasks that take turns at it, each holding it over the end of a slice.
template <class Take>
void hold_over_slices(Take take) {
  const with_variable slice("STILLPOINT_SLICE", "1ms");
  int turns = 0;
  run_on(1, [&] {
    tasks all;
    all.start_many(3, [&](int) {
      for (int i = 0; i < 5; ++i) {
        take([&] {
          const int seen = turns;
          spin_for(2ms);
          turns = seen + 1;
        });
        spin_for(1ms);
      }
    });
  });
  EXPECT_EQ(turns, 15);
}

TEST(std_locks_test, mutex) {
  std::mutex m;
  hold_over_slices([&](auto f) {
    const std::lock_guard held(m);
    f();
  });
}

TEST(std_locks_test, recursive_mutex) {
  std::recursive_mutex m;
  hold_over_slices([&](auto f) {
    const std::lock_guard outer(m);
    spin_for(1ms);
    {
      const std::lock_guard inner(m);
      spin_for(1ms);
    }
    f(); // still held
  });
}

TEST(std_locks_test, shared_mutex) {
  std::shared_mutex m;
  hold_over_slices([&](auto f) {
    {
      const std::shared_lock held(m);
      spin_for(2ms);
    }
    const std::unique_lock held(m);
    f();
  });
}

TEST(std_locks_test, timed_mutexes) {
  std::timed_mutex m;
  std::recursive_timed_mutex r;
  std::shared_timed_mutex s;
  hold_over_slices([&](auto f) {
    ASSERT_TRUE(m.try_lock_for(10s));
    const std::lock_guard held(m, std::adopt_lock);
    ASSERT_TRUE(r.try_lock_until(std::chrono::steady_clock::now() + 10s));
    const std::lock_guard also(r, std::adopt_lock);
    ASSERT_TRUE(s.try_lock_shared_for(10s));
    const std::shared_lock shared(s, std::adopt_lock);
    f();
  });
}

TEST(std_locks_test, several_at_once) {
  std::mutex a;
  std::recursive_mutex b;
  hold_over_slices([&](auto f) {
    const std::scoped_lock both(a, b);
    f();
  });
}

// The lock is given back over the wait, and had again behind it: the task is not stopped there either.
TEST(std_locks_test, condition_variable_with_a_deadline) {
  std::mutex m;
  std::condition_variable c;
  hold_over_slices([&](auto f) {
    std::unique_lock l(m);
    c.wait_for(l, 1ms, [] { return false; });
    f();
  });
}

// Notified by a thread that is no worker.
TEST(std_locks_test, condition_variable_and_a_thread) {
  std::mutex m;
  std::condition_variable c;
  bool done = false;
  run_on(1, [&] {
    std::thread other([&] {
      std::this_thread::sleep_for(2ms);
      const std::lock_guard held(m);
      done = true;
      c.notify_one();
    });
    std::unique_lock l(m);
    c.wait(l, [&] { return done; });
    l.unlock();
    other.join();
  });
}

// Notified by a task, which needs a processor while the other waits in the kernel and has not said so.
TEST(std_locks_test, condition_variable_and_a_task) {
  std::mutex m;
  std::condition_variable c;
  int turn = 0;
  run_on(1, [&] {
    tasks all;
    all.start_many(2, [&](int number) {
      for (int i = 0; i < 10; ++i) {
        std::unique_lock l(m);
        c.wait(l, [&] { return turn % 2 == number; });
        ++turn;
        c.notify_all();
      }
    });
  });
  EXPECT_EQ(turn, 20);
}

} // namespace
} // namespace stillpoint::test
