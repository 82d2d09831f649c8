// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Signals as something to wait for.
#include "support.h"

#include <stillpoint/signals.hpp>

namespace stillpoint::test {
namespace {

class net_signals : public net_fixture {};
STILLPOINT_ON_PROCESSORS(net_signals);

// Go: TestSignal.
TEST_P(net_signals, are_waited_for) {
  in_run([] {
    signal_set set{SIGUSR1, SIGHUP};
    for (int i = 0; i < 50; ++i) {
      const background sender([&] {
        if (i % 2)
          sleep_for(50us);
        kill(getpid(), i % 3 ? SIGUSR1 : SIGHUP);
      });
      EXPECT_EQ(set.wait(), i % 3 ? SIGUSR1 : SIGHUP);
    }
    raise(SIGUSR1);
    raise(SIGHUP);
    const int first = set.wait(), second = set.wait();
    EXPECT_EQ(first + second, SIGUSR1 + SIGHUP);
    EXPECT_NE(first, second);
  });
}

// Two marks and two who wait: neither is left alone with the other's.
TEST_P(net_signals, several_wait) {
  in_run([] {
    signal_set set{SIGUSR1, SIGUSR2};
    for (int i = 0; i < 100; ++i) {
      std::atomic<int> sum{0};
      wait_group ended;
      ended.add(2);
      for (int n = 0; n < 2; ++n)
        go([&] {
          sum += set.wait();
          ended.done();
        });
      if (i % 2)
        yield();
      kill(getpid(), SIGUSR1);
      kill(getpid(), SIGUSR2);
      ended.wait();
      EXPECT_EQ(sum.load(), SIGUSR1 + SIGUSR2);
    }
  });
}

TEST_P(net_signals, each_set_hears_of_its_own) {
  in_run([] {
    signal_set one{SIGUSR1}, both{SIGUSR1, SIGUSR2};
    raise(SIGUSR1);
    EXPECT_EQ(one.wait(), SIGUSR1);
    EXPECT_EQ(both.wait(), SIGUSR1);
    raise(SIGUSR2);
    EXPECT_EQ(both.wait(), SIGUSR2);
    std::error_code ec;
    one.deadline(net::clock::now() + 1ms);
    EXPECT_EQ(one.wait(ec), 0);
    EXPECT_EQ(ec, net::timed_out);
    const background closer([&] { both.close(); });
    EXPECT_EQ(both.wait(ec), 0);
    EXPECT_EQ(ec, net::closed);
  });
}

// Go: TestStop: afterwards everything is as before.
TEST_P(net_signals, handlers_come_back) {
  in_run([] {
    static std::atomic<int> heard;
    heard = 0;
    signal(SIGUSR1, [](int) { ++heard; });
    {
      signal_set outer{SIGUSR1};
      {
        signal_set inner{SIGUSR1};
        raise(SIGUSR1);
      }
      raise(SIGUSR1);
      EXPECT_EQ(outer.wait(), SIGUSR1);
      EXPECT_EQ(heard.load(), 0);
    }
    raise(SIGUSR1);
    EXPECT_EQ(heard.load(), 1);
    signal(SIGUSR1, SIG_DFL);
  });
}

// Go: signal.Notify and Stop.
TEST_P(net_signals, through_a_channel) {
  in_run([] {
    chan<int> c = make_chan<int>(1);
    {
      const auto notification = notify(c, {SIGUSR1, SIGUSR2});
      for (const int s : {SIGUSR1, SIGUSR2, SIGUSR1}) {
        kill(getpid(), s);
        EXPECT_EQ(c.receive(), s);
      }
    }
    EXPECT_FALSE(c.try_receive());
    // Whether or not the task behind it has come to its end.
    struct sigaction now{};
    ASSERT_EQ(sigaction(SIGUSR1, nullptr, &now), 0);
    EXPECT_EQ(now.sa_handler, SIG_DFL);
  });
}

TEST(net_signals_misuse, what_cannot_be_waited_for) {
  for (const int s : {0, -1, 65, 32, SIGKILL, SIGSTOP, SIGSEGV, SIGURG})
    EXPECT_THROW(signal_set{s}, std::invalid_argument) << s;
  signal_set set{SIGUSR1};
  std::error_code ec;
  EXPECT_THROW(set.wait(ec), std::logic_error);
}

} // namespace
} // namespace stillpoint::test
