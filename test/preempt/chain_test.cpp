// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A SIGURG that is not ours reaches the handler that was there before, in its own flavour; ours never does.
#include "runtime/preempt/chain.h"
#include "test/preempt/fake/spinning.h"

#include <cerrno>
#include <gtest/gtest.h>

namespace {

using namespace stillpoint;

std::atomic<int> simple_calls{0};
std::atomic<int> detailed_calls{0};
std::atomic<int> detailed_code{0};

void simple(int) {
  ++simple_calls;
  errno = EOVERFLOW;
}

void detailed(int, siginfo_t *info, void *context) {
  detailed_code = context != nullptr ? info->si_code : 0;
  ++detailed_calls;
}

// Before any worker: the program's own handler for SIGURG.
[[maybe_unused]] const bool installed = [] {
  struct sigaction action = {};
  action.sa_sigaction = detailed;
  action.sa_flags = SA_SIGINFO;
  return sigaction(SIGURG, &action, nullptr) == 0;
}();

rt::preempt::signal_chain chain_under_test;
std::atomic<int> passed_on{-1};
void pass(int number, siginfo_t *info, void *context) { passed_on = chain_under_test.pass_on(number, info, context); }

// Installs `action` for SIGUSR1, puts a chain in front, and raises one.
void raise_in_front_of(const struct sigaction &action) {
  sigaction(SIGUSR1, &action, nullptr);
  chain_under_test.install(SIGUSR1, pass);
  passed_on = -1;
  raise(SIGUSR1);
}

TEST(chain, simple_handler) {
  struct sigaction action = {};
  action.sa_handler = simple;
  const int before = simple_calls;
  raise_in_front_of(action);
  EXPECT_EQ(simple_calls, before + 1);
  EXPECT_EQ(passed_on, 1);
}

TEST(chain, handler_with_information) {
  struct sigaction action = {};
  action.sa_sigaction = detailed;
  action.sa_flags = SA_SIGINFO;
  const int before = detailed_calls;
  raise_in_front_of(action);
  EXPECT_EQ(detailed_calls, before + 1);
  EXPECT_EQ(detailed_code, SI_TKILL);
}

TEST(chain, default_and_ignored) {
  struct sigaction action = {};
  action.sa_handler = SIG_DFL;
  raise_in_front_of(action);
  EXPECT_EQ(passed_on, 0);
  EXPECT_FALSE(chain_under_test.ignored());
  action.sa_handler = SIG_IGN;
  raise_in_front_of(action);
  EXPECT_EQ(passed_on, 0);
  EXPECT_TRUE(chain_under_test.ignored());
}

TEST(chain, foreign_sigurg_into_a_running_task) {
  const test::kernel_tables tables;
  test::spinning s(spin_safe);
  const int before = detailed_calls;
  sigval value{};
  value.sival_int = 1;
  EXPECT_EQ(sigqueue(getpid(), SIGURG, value), 0);
  EXPECT_TRUE(test::eventually([&] { return detailed_calls == before + 1; }));
  // One to the worker's own thread, nothing of ours in flight: the program's own.
  ::syscall(SYS_tgkill, getpid(), s.worker->thread_id.load(), SIGURG);
  EXPECT_TRUE(test::eventually([&] { return detailed_calls == before + 2; }));
  EXPECT_EQ(detailed_code, SI_TKILL);
  EXPECT_GE(s.worker->counters.chained_signals, 1u);
  EXPECT_EQ(s.worker->counters.preemptions, 0u);
  // And ours are not passed on.
  EXPECT_TRUE(s.stops(5));
  EXPECT_EQ(detailed_calls, before + 2);
}

} // namespace
