// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Programs whose tasks all sleep for ever end with a list of them, and programs that only look like that do not. Go's cases by their names
// (runtime/crash_test.go and what it runs).
#include "../sched/support.h"

#include <stillpoint/chan.hpp>
#include <stillpoint/net.hpp>
#include <stillpoint/select.hpp>
#include <stillpoint/signals.hpp>

#include <csignal>
#include <sys/time.h>
#include <thread>
#include <unistd.h>

namespace stillpoint::test {
namespace {

using namespace std::chrono_literals;

class deadlock_death_test : public on_processors {};
STILLPOINT_ON_PROCESSORS(deadlock_death_test);

// Ended by the report, or by an alarm where there is none.
template <class F>
void in_limited_time(unsigned processors, unsigned seconds, F f) {
  signal(SIGALRM, SIG_DFL);
  alarm(seconds);
  run_on(processors, f);
  _exit(0);
}
#define STILLPOINT_EXPECT_DEADLOCK(text, ...)                                                                                              \
  EXPECT_EXIT(in_limited_time(GetParam(), 30, __VA_ARGS__), testing::KilledBySignal(SIGABRT),                                              \
              "stillpoint: all tasks are asleep: deadlock\n(.|\n)*" text)
#define STILLPOINT_EXPECT_NO_DEADLOCK(...) EXPECT_EXIT(in_limited_time(GetParam(), 30, __VA_ARGS__), testing::ExitedWithCode(0), "^$")
#define STILLPOINT_EXPECT_SILENCE(...) EXPECT_EXIT(in_limited_time(GetParam(), 1, __VA_ARGS__), testing::KilledBySignal(SIGALRM), "^$")

void wait_for_ever() {
  chan<int> c(0);
  c.receive();
}

// TestSimpleDeadlock.
TEST_P(deadlock_death_test, simple) {
  STILLPOINT_EXPECT_DEADLOCK("task 1 \"main\": waiting \\(receive from a channel\\)", [] { wait_for_ever(); });
}

// The storm's thread wakes nobody.
TEST_P(deadlock_death_test, in_a_storm) {
  const with_variable debug("STILLPOINT_DEBUG", "storm=1ms");
  STILLPOINT_EXPECT_DEADLOCK("task 1 \"main\": waiting \\(receive from a channel\\)", [] { wait_for_ever(); });
}

// TestGoexitDeadlock: others have ended, main waits.
TEST_P(deadlock_death_test, the_others_have_ended) {
  STILLPOINT_EXPECT_DEADLOCK("task 1 \"main\"", [] {
    go([] {});
    go([] { yield(); });
    wait_for_ever();
  });
}

// TestLockedDeadlock2's shape: two wait for each other, after some time of sleep.
TEST_P(deadlock_death_test, all_of_several) {
  STILLPOINT_EXPECT_DEADLOCK("\"second\": waiting", [] {
    chan<int> a(0), b(0);
    go({.name = "second"}, [&] { a.send(b.receive().value_or(0)); });
    sleep_for(20ms);
    b.send(a.receive().value_or(0));
  });
}

TEST_P(deadlock_death_test, a_mutex_locked_twice) {
  STILLPOINT_EXPECT_DEADLOCK("waiting \\(mutex\\)", [] {
    mutex m;
    m.lock();
    m.lock();
  });
}

TEST_P(deadlock_death_test, a_wait_group_that_nobody_ends) {
  STILLPOINT_EXPECT_DEADLOCK("waiting \\(wait_group\\)", [] {
    wait_group group;
    group.add();
    group.wait();
  });
}

// TestLockedDeadlock.
TEST_P(deadlock_death_test, main_locked_to_its_thread) {
  STILLPOINT_EXPECT_DEADLOCK("main(.|\n)*locked to its thread", [] {
    lock_os_thread();
    wait_for_ever();
  });
}

// TestLockedDeadlock2.
TEST_P(deadlock_death_test, another_locked_to_its_thread) {
  STILLPOINT_EXPECT_DEADLOCK("locked to its thread", [] {
    go([] {
      lock_os_thread();
      wait_for_ever();
    });
    sleep_for(10ms);
    wait_for_ever();
  });
}

TEST_P(deadlock_death_test, not_while_a_task_is_in_a_call) {
  STILLPOINT_EXPECT_NO_DEADLOCK([] {
    wait_group group;
    group.add();
    go([&] {
      stillpoint::syscall([] { return usleep(200'000); });
      group.done();
    });
    group.wait();
  });
}

// A thread of the program could have woken somebody; it has ended without.
TEST_P(deadlock_death_test, a_foreign_thread_is_gone) {
  STILLPOINT_EXPECT_DEADLOCK("main", [] {
    std::thread([] { std::this_thread::sleep_for(100ms); }).detach();
    wait_for_ever();
  });
}

TEST_P(deadlock_death_test, in_the_second_run) {
  STILLPOINT_EXPECT_DEADLOCK("main", [] { wait_for_ever(); });
  run_on(GetParam(), [] { yield(); });
  STILLPOINT_EXPECT_DEADLOCK("main", [] { wait_for_ever(); });
}

TEST_P(deadlock_death_test, not_if_switched_off) {
  const with_variable debug("STILLPOINT_DEBUG", "deadlock=0");
  STILLPOINT_EXPECT_SILENCE([] { wait_for_ever(); });
}

// It may do anything at any time.
TEST_P(deadlock_death_test, not_while_a_foreign_thread_is_there) {
  STILLPOINT_EXPECT_SILENCE([] {
    std::thread([] {
      for (;;)
        pause();
    }).detach();
    wait_for_ever();
  });
}

TEST_P(deadlock_death_test, not_if_a_foreign_thread_wakes_main) {
  STILLPOINT_EXPECT_NO_DEADLOCK([] {
    wait_group group;
    group.add();
    std::thread waker([&] {
      std::this_thread::sleep_for(200ms);
      group.done();
    });
    group.wait();
    waker.join();
  });
}

// TestTimer...: somebody sleeps, and will wake the others.
TEST_P(deadlock_death_test, not_while_a_task_sleeps) {
  STILLPOINT_EXPECT_NO_DEADLOCK([] {
    chan<int> c(0);
    go([&] {
      sleep_for(200ms);
      c.send(1);
    });
    c.receive();
  });
}

TEST_P(deadlock_death_test, not_with_a_time_limit) {
  STILLPOINT_EXPECT_NO_DEADLOCK([] {
    mutex m;
    m.lock();
    static_cast<void>(m.try_lock_for(200ms));
  });
}

// A call that nobody announced: its task runs, whatever the kernel does.
TEST_P(deadlock_death_test, not_while_a_task_is_in_the_kernel) {
  STILLPOINT_EXPECT_NO_DEADLOCK([] {
    wait_group group;
    group.add();
    go([&] {
      usleep(200'000);
      group.done();
    });
    group.wait();
  });
}

TEST_P(deadlock_death_test, not_while_a_task_waits_for_a_signal) {
  STILLPOINT_EXPECT_NO_DEADLOCK([] {
    signal_set alarms({SIGUSR1});
    if (fork() == 0) {
      usleep(200'000);
      kill(getppid(), SIGUSR1);
      _exit(0);
    }
    alarms.wait();
  });
}

// Not all that could be waited for is.
TEST_P(deadlock_death_test, with_a_file_that_nobody_waits_for_any_more) {
  STILLPOINT_EXPECT_DEADLOCK("task 1 \"main\": waiting \\(receive from a channel\\)", [] {
    auto [reader, writer] = net::make_pipe();
    go([&, &writer = writer] { writer.write_all("x"); });
    char b[1];
    reader.read(b);
    wait_for_ever();
  });
}

TEST_P(deadlock_death_test, not_while_a_task_waits_for_a_file) {
  STILLPOINT_EXPECT_NO_DEADLOCK([] {
    int ends[2];
    if (pipe(ends) != 0)
      _exit(1);
    if (fork() == 0) {
      usleep(200'000);
      _exit(write(ends[1], "x", 1) == 1 ? 0 : 1);
    }
    std::error_code ec;
    auto reader = net::pipe_reader::adopt(ends[0], ec);
    char b[1];
    reader.read(b);
  });
}

// The end of a run finds tasks that sleep for ever: that is no deadlock.
TEST_P(deadlock_death_test, not_when_main_ends) {
  STILLPOINT_EXPECT_NO_DEADLOCK([] {
    go([] { wait_for_ever(); });
    for (int i = 0; i < 10; ++i)
      yield();
  });
}

// All processors become idle between two hand-overs, thousands of times.
TEST_P(deadlock_death_test, not_while_a_foreign_thread_keeps_waking_a_task) {
  STILLPOINT_EXPECT_NO_DEADLOCK([] {
    for (int i = 0; i < 2000; ++i) {
      wait_group group;
      group.add();
      std::thread waker([&] { group.done(); });
      group.wait();
      waker.join();
    }
  });
}

} // namespace
} // namespace stillpoint::test
