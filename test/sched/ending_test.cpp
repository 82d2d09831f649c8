// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Threads that end while the run goes on: those that were idle for too long (what Go's issue 14592 asks for), and those that a task ended while
// locked to. One that a waiting task needs stays. This program is managed: calls that have an address of thread-local storage are pinned.
#include "sched/scheduler.h"
#include "support.h"

#include <atomic>
#include <cerrno>
#include <stillpoint/metrics.hpp>
#include <thread>
#include <unistd.h>

namespace {

using namespace stillpoint;
using namespace stillpoint::test;
using namespace std::chrono_literals;

class ending_test : public on_processors {};
STILLPOINT_ON_PROCESSORS(ending_test);

// As `eventually`, but leaves the processors idle.
template <class F>
bool in_the_end(F condition) {
  for (int i = 0; i < 6'000; ++i, sleep_for(5ms))
    if (condition())
      return true;
  return false;
}

// So many threads at once are in calls.
void make_threads(int count) {
  std::atomic<int> inside = 0;
  wait_group ended;
  ended.add(count);
  for (int i = 0; i < count; ++i)
    go([&] {
      stillpoint::syscall([&] {
        ++inside;
        for (int turn = 0; turn < 30'000 && inside != count; ++turn)
          usleep(1'000);
      });
      ended.done();
    });
  ended.wait();
  EXPECT_EQ(inside, count);
}

TEST_P(ending_test, idle_threads_end_but_for_one) {
  const with_variable idle("STILLPOINT_IDLE", "20ms");
  run_on(GetParam(), [] {
    for (int round = 1; round <= 3; ++round) {
      make_threads(12);
      EXPECT_TRUE(in_the_end([] { return read_scheduler_metrics().threads <= 2; })) << read_scheduler_metrics().threads << " threads";
    }
    const scheduler_metrics m = read_scheduler_metrics();
    EXPECT_GE(m.threads_started, 12u);
    EXPECT_GE(m.threads_reaped, 10u);
    EXPECT_EQ(m.threads_ended, m.threads_reaped);
    sleep_for(100ms); // whoever is left is woken by the timer
    EXPECT_GE(read_scheduler_metrics().threads, 1u);
  });
}

// All processors are busy: somebody who has one does it.
TEST_P(ending_test, idle_threads_end_beside_busy_ones) {
  const with_variable idle("STILLPOINT_IDLE", "20ms");
  const unsigned busy = GetParam();
  run_on(busy, [busy] {
    make_threads(20);
    std::atomic<bool> stop = false;
    wait_group ended;
    for (unsigned i = 0; i < busy; ++i) {
      ended.add();
      go([&] {
        while (!stop)
          asm volatile("" ::: "memory");
        ended.done();
      });
    }
    EXPECT_TRUE(in_the_end([busy] { return read_scheduler_metrics().threads <= busy + 2; })) << read_scheduler_metrics().threads;
    stop = true;
    ended.wait();
  });
}

TEST_P(ending_test, idle_threads_stay_if_told_so) {
  const with_variable idle("STILLPOINT_IDLE", "off");
  run_on(GetParam(), [] {
    make_threads(12);
    sleep_for(100ms);
    EXPECT_EQ(read_scheduler_metrics().threads_ended, 0u);
    EXPECT_GE(read_scheduler_metrics().threads, 12u);
  });
}

[[gnu::noinline]] int *place_of_errno() {
  int *where = &errno;
  asm volatile("" : "+r"(where));
  return where;
}

// Each waits with an address of its thread's errno, and looks whether it is the same thread afterwards.
TEST_P(ending_test, a_thread_that_a_task_needs_stays) {
  const with_variable idle("STILLPOINT_IDLE", "20ms");
  run_on(GetParam(), [] {
    constexpr int tasks = 6;
    std::atomic<int> inside = 0, wrong = 0;
    wait_group end, ended;
    end.add();
    ended.add(tasks);
    for (int i = 0; i < tasks; ++i)
      go([&] {
        stillpoint::syscall([&] { // so that each is on a thread of its own
          ++inside;
          for (int turn = 0; turn < 30'000 && inside != tasks; ++turn)
            usleep(1'000);
        });
        lock_os_thread(); // what comes next happens here
        int &mine = errno;
        mine = 77;
        const int thread = gettid();
        unlock_os_thread();
        end.wait();
        wrong += gettid() != thread;
        wrong += &mine != place_of_errno();
        ended.done();
      });
    make_threads(16);
    sleep_for(150ms);
    make_threads(16);
    end.done();
    ended.wait();
    EXPECT_EQ(wrong, 0);
    EXPECT_TRUE(in_the_end([] { return read_scheduler_metrics().threads <= 2; })) << "nobody needs them any more";
  });
}

// Its thread may have any state, so nobody else runs there, though it cannot end yet.
TEST_P(ending_test, a_thread_with_a_past_runs_nothing_else) {
  run_on(GetParam(), [] {
    std::atomic<int> home = 0, wrong = 0, begun = 0;
    wait_group end, ended;
    end.add();
    ended.add(2);
    go([&] {
      int &mine = errno;
      mine = 77; // else it would be asked for behind the wait
      home = gettid();
      end.wait();
      wrong += gettid() != home || &mine != place_of_errno();
      ended.done();
    });
    EXPECT_TRUE(eventually([&] { return home != 0; }));
    EXPECT_TRUE(eventually([&] { // until one of them begins on that thread
      go([&] {
        if (gettid() != home || begun.exchange(1) != 0)
          return;
        lock_os_thread();
        ended.done();
      });
      return begun != 0;
    }));
    EXPECT_TRUE(eventually([&] { return gettid() != home; })) << "main is still there";
    for (int i = 0; i < 200; ++i) {
      wait_group one;
      one.add();
      go([&] {
        wrong += gettid() == home;
        one.done();
      });
      one.wait();
      wrong += gettid() == home;
    }
    end.done();
    ended.wait();
    EXPECT_EQ(wrong, 0);
  });
}

} // namespace
