// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// SIGQUIT: all tasks are printed, and then what would have happened anyway. TestSignalDuringExec and crash_unix_test.go's TestCrashDumpsAllThreads
// are Go's tests of it.
#include "../sched/support.h"

#include <stillpoint/tasks.hpp>

#include <csignal>
#include <unistd.h>

namespace stillpoint::test {
namespace {

using namespace std::chrono_literals;

class quit_death_test : public on_processors {};
STILLPOINT_ON_PROCESSORS(quit_death_test);

extern "C" [[gnu::noinline]] void quit_test_spins() {
  for (volatile bool always = true; always;)
    ;
}

void quit_while_a_task_sleeps(unsigned processors) {
  signal(SIGQUIT, SIG_DFL);
  alarm(30);
  run_on(processors, [] {
    go({.name = "sleeper"}, [] { sleep_for(1h); });
    for (int i = 0; i < 10; ++i)
      yield();
    kill(getpid(), SIGQUIT);
    sleep_for(1h);
  });
}

TEST_P(quit_death_test, prints_and_ends) {
  EXPECT_EXIT(quit_while_a_task_sleeps(GetParam()), testing::KilledBySignal(SIGQUIT),
              "stillpoint: SIGQUIT\n(.|\n)*task 2 \"sleeper\": waiting \\(sleep\\)");
}

// Nothing but the monitor gets through: every processor has a task that spins.
TEST_P(quit_death_test, works_in_a_stuck_program) {
  EXPECT_EXIT(
      {
        signal(SIGQUIT, SIG_DFL);
        alarm(30);
        run_on(GetParam(), [] {
          for (unsigned i = 0; i < 2 * processors(); ++i)
            go({.name = "spinner"}, [] { quit_test_spins(); });
          sleep_for(10ms);
          kill(getpid(), SIGQUIT);
          quit_test_spins();
        });
      },
      testing::KilledBySignal(SIGQUIT), "\"spinner\": run(.|\n)*quit_test_spins");
}

TEST_P(quit_death_test, is_left_alone_if_wanted) {
  const with_variable debug("STILLPOINT_DEBUG", "sigquit=0");
  EXPECT_EXIT(quit_while_a_task_sleeps(GetParam()), testing::KilledBySignal(SIGQUIT), "^$");
}

TEST_P(quit_death_test, may_only_print) {
  const with_variable debug("STILLPOINT_DEBUG", "sigquit=continue");
  EXPECT_EXIT(
      {
        signal(SIGQUIT, SIG_DFL);
        alarm(30);
        run_on(GetParam(), [] {
          for (int i = 0; i < 3; ++i) {
            raise(SIGQUIT);   // the handler has run when it returns
            describe_tasks(); // comes after it
          }
        });
        _exit(0);
      },
      testing::ExitedWithCode(0), "stillpoint: SIGQUIT\n(.|\n)*\"main\"");
}

TEST_P(quit_death_test, belongs_to_the_program_if_that_wants_it) {
  EXPECT_EXIT(
      {
        signal(SIGQUIT, [](int) { _exit(7); });
        run_on(GetParam(), [] {
          kill(getpid(), SIGQUIT);
          sleep_for(1h);
        });
      },
      testing::ExitedWithCode(7), "^$");
}

TEST(quit_test, ends_the_program_outside_of_a_run_too) {
  EXPECT_EXIT(
      {
        signal(SIGQUIT, SIG_DFL);
        run_on(2, [] { yield(); });
        kill(getpid(), SIGQUIT);
        sleep(10);
      },
      testing::KilledBySignal(SIGQUIT), "^$");
}

} // namespace
} // namespace stillpoint::test
