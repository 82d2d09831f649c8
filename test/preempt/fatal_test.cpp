// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How a program ends when a task does what none may: the message names the task.
#include "stillpoint/preempt.hpp"
#include "test/preempt/fake/fake_scheduler.h"

#include <csignal>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <gtest/gtest.h>
#include <pthread.h>
#include <stdexcept>
#include <unistd.h>

namespace {

using namespace stillpoint;

class fatal_endings : public testing::Test {
protected:
  fatal_endings() { testing::FLAGS_gtest_death_test_style = "threadsafe"; }
  static void run(void (*entry)(void *), std::size_t stack_size = 256 << 10) {
    test::fake_worker w;
    test::fake_task t(entry, nullptr, stack_size);
    std::strcpy(t.control.name, "worker bee");
    w.run_to_end(t);
  }
};

int current_signal = 0;

struct destroyed {
  ~destroyed() { std::fputs("unwound\n", stderr); }
};

TEST_F(fatal_endings, uncaught_exception) {
  const auto thrower = [](void *) {
    const destroyed guard;
    throw std::out_of_range("no such flower");
  };
  EXPECT_EXIT(run(thrower), testing::KilledBySignal(SIGABRT),
              "^stillpoint: task 'worker bee' \\(#7\\) ended by an uncaught exception of type std::out_of_range: no such flower\n$");
}

TEST_F(fatal_endings, uncaught_exception_that_is_no_std_exception) {
  EXPECT_EXIT(run([](void *) { throw 42; }), testing::KilledBySignal(SIGABRT),
              "^stillpoint: task 'worker bee' \\(#7\\) ended by an uncaught exception of type int\n$");
}

TEST_F(fatal_endings, rethrown_exception) {
  const auto thrower = [](void *) {
    std::exception_ptr kept;
    try {
      throw std::runtime_error("first");
    } catch (...) {
      kept = std::current_exception();
    }
    std::rethrow_exception(kept);
  };
  EXPECT_EXIT(run(thrower), testing::KilledBySignal(SIGABRT), "uncaught exception of type std::runtime_error: first\n$");
}

TEST_F(fatal_endings, pthread_exit_in_a_task) {
  EXPECT_EXIT(run([](void *) { pthread_exit(nullptr); }), testing::KilledBySignal(SIGABRT),
              "stillpoint: task 'worker bee' \\(#7\\) was ended by pthread_exit");
}

[[gnu::noinline]] int overflow(volatile char *previous) {
  volatile char here[512];
  here[0] = previous != nullptr ? previous[0] : '\0';
  if (here[0] == 1) // never
    return 0;
  const int below = overflow(here);
  return below + here[0];
}

TEST_F(fatal_endings, stack_overflow) {
  EXPECT_EXIT(run([](void *) { overflow(nullptr); }, 64 << 10), testing::KilledBySignal(SIGABRT),
              "^stillpoint: stack overflow in task 'worker bee' \\(#7\\): 64 KiB stack\n$");
}

// Named, and then what they were.
TEST_F(fatal_endings, faults) {
  EXPECT_EXIT(run([](void *) { *reinterpret_cast<volatile int *>(16) = 1; }), testing::KilledBySignal(SIGSEGV),
              "^stillpoint: SIGSEGV at address 0x10 in task 'worker bee' \\(#7\\)\n$");
  EXPECT_EXIT(run([](void *) { *reinterpret_cast<volatile int *>(std::uintptr_t{1} << 60) = 1; }), testing::KilledBySignal(SIGSEGV),
              "^stillpoint: SIGSEGV in task 'worker bee' \\(#7\\)\n$");
  EXPECT_EXIT(run([](void *) { __builtin_trap(); }), testing::KilledBySignal(SIGILL),
              "^stillpoint: SIGILL in task 'worker bee' \\(#7\\)\n$");
  EXPECT_EXIT(run([](void *) { raise(SIGSEGV); }), testing::KilledBySignal(SIGSEGV),
              "^stillpoint: SIGSEGV in task 'worker bee' \\(#7\\)\n$");
}

TEST_F(fatal_endings, abort) {
  EXPECT_EXIT(run([](void *) { std::abort(); }), testing::KilledBySignal(SIGABRT), "^stillpoint: abort in task 'worker bee' \\(#7\\)\n$");
}

[[gnu::noinline]] void throw_one() { throw std::runtime_error("not let out"); }
void throw_through() noexcept { throw_one(); }

TEST_F(fatal_endings, terminate) {
  EXPECT_EXIT(run([](void *) { std::terminate(); }), testing::KilledBySignal(SIGABRT),
              "^terminate called without an active exception\nstillpoint: abort in task 'worker bee' \\(#7\\)\n$");
  EXPECT_EXIT(run([](void *) { throw_through(); }), testing::KilledBySignal(SIGABRT),
              "not let out\nstillpoint: abort in task 'worker bee' \\(#7\\)\n$");
}

// The message of the uncaught exception is enough, whoever aborts then.
TEST_F(fatal_endings, own_terminate_handler) {
  EXPECT_EXIT(
      {
        std::set_terminate([] {
          std::fputs("mine\n", stderr);
          std::abort();
        });
        run([](void *) { throw 42; });
      },
      testing::KilledBySignal(SIGABRT), "^stillpoint: task 'worker bee' \\(#7\\) ended by an uncaught exception of type int\nmine\n$");
}

void report_and_leave(int number) { _exit(number); }

// The program's own handlers, there before the first run or installed later, are alone.
TEST_F(fatal_endings, own_handlers) {
  for (const int number : {SIGSEGV, SIGABRT, SIGFPE}) {
    EXPECT_EXIT(
        {
          std::signal(number, report_and_leave);
          run([](void *) {});
          current_signal = number;
          run([](void *) { raise(current_signal); });
        },
        testing::ExitedWithCode(number), "^$");
    EXPECT_EXIT(
        {
          run([](void *) {});
          std::signal(number, report_and_leave);
          current_signal = number;
          run([](void *) { raise(current_signal); });
        },
        testing::ExitedWithCode(number), "^$");
  }
  // Ignored: abort() ends the program all the same.
  EXPECT_EXIT(
      {
        std::signal(SIGABRT, SIG_IGN);
        run([](void *) { std::abort(); });
      },
      testing::KilledBySignal(SIGABRT), "^$");
}

// Not of a task's making: sent from outside, or by code that is in none.
TEST_F(fatal_endings, no_task_is_to_blame) {
  EXPECT_EXIT(run([](void *) { kill(getpid(), SIGABRT); }), testing::KilledBySignal(SIGABRT), "^$");
  EXPECT_EXIT(
      {
        run([](void *) {});
        std::abort();
      },
      testing::KilledBySignal(SIGABRT), "^$");
}

TEST_F(fatal_endings, unbalanced_enable) {
  EXPECT_EXIT(run([](void *) {
                preempt_disable();
                preempt_enable();
                preempt_enable();
              }),
              testing::KilledBySignal(SIGABRT),
              "^stillpoint: preempt_enable\\(\\) without preempt_disable\\(\\) in task 'worker bee' \\(#7\\)\n$");
}

TEST_F(fatal_endings, outside_of_tasks_disable_and_enable_do_nothing) {
  preempt_enable();
  preempt_disable();
  const preempt_guard guard;
}

} // namespace
