// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How a program ends when a task does what none may: the message names the task.
#include "stillpoint/preempt.hpp"
#include "test/preempt/fake/fake_scheduler.h"

#include <csignal>
#include <cstring>
#include <gtest/gtest.h>
#include <pthread.h>
#include <stdexcept>

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

TEST_F(fatal_endings, other_faults_are_what_they_were) {
  EXPECT_EXIT(run([](void *) { *reinterpret_cast<volatile int *>(16) = 1; }), testing::KilledBySignal(SIGSEGV), "^$");
  EXPECT_EXIT(run([](void *) { raise(SIGSEGV); }), testing::KilledBySignal(SIGSEGV), "^$");
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
