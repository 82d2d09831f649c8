// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Tickers and timers. Cases that name one of Go's (time/tick_test.go, time/sleep_test.go) are written anew after it.
#include <stillpoint/select.hpp>
#include <stillpoint/timer.hpp>

#include "support.h"

#include <atomic>
#include <memory>
#include <vector>

namespace stillpoint::test {
namespace {

using clock = std::chrono::steady_clock;

class timer_test : public on_processors {};
STILLPOINT_ON_PROCESSORS(timer_test);

// Go: TestTicker. Ticks lie whole periods apart, and none comes early.
TEST_P(timer_test, ticker) {
  run_on(GetParam(), [] {
    const auto start = clock::now();
    ticker t(2ms);
    clock::time_point last = start;
    for (int i = 0; i < 10; ++i) {
      const clock::time_point tick = t.wait();
      EXPECT_GE(clock::now(), tick);
      if (i > 0) {
        EXPECT_GT(tick, last);
        EXPECT_EQ((tick - last) % 2ms, 0ms);
      }
      last = tick;
    }
    EXPECT_GE(clock::now() - start, 20ms);
  });
}

// Go: TestTickerStopWithDirectInitialization has nothing to test here. Ticks that nobody waited for are one.
TEST_P(timer_test, missed_ticks_are_one) {
  run_on(GetParam(), [] {
    ticker t(1ms);
    sleep_for(10ms);
    EXPECT_LE(t.left(), 0ms);
    const auto before = clock::now();
    EXPECT_LE(t.wait(), before);
    EXPECT_GT(t.wait(), before);
  });
}

// Go: TestTickerReset.
TEST_P(timer_test, ticker_with_another_period) {
  run_on(GetParam(), [] {
    ticker t(1h);
    t.reset(1ms);
    t.wait();
    t.reset(1h);
    EXPECT_GT(t.left(), 50min);
    EXPECT_FALSE(t.wait(stop_source(1ms).get_token()));
    EXPECT_FALSE(t.wait(stop_source(-1s).get_token()));
    t.reset(100us);
    EXPECT_TRUE(t.wait(stop_token()));
  });
}

// Go: TestNewTickerLtZeroDuration, TestTickerResetLtZeroDuration.
TEST(timer_plain_test, periods_are_positive) {
  EXPECT_THROW(ticker(0s), std::invalid_argument);
  ticker t(1s);
  EXPECT_THROW(t.reset(-1s), std::invalid_argument);
}

TEST_P(timer_test, ticker_in_a_select) {
  run_on(GetParam(), [] {
    chan<int> never_sent;
    ticker t(1ms);
    int ticks = 0;
    while (ticks < 5)
      select(on_receive(never_sent), on_timeout(t.left(), [&] {
               t.wait();
               ++ticks;
             }));
  });
}

// Go: TestAfterFunc. Each call starts the next.
TEST_P(timer_test, after_func) {
  run_on(GetParam(), [] {
    wait_group ended(1);
    int left = 20;
    std::function<void()> step = [&] {
      if (--left >= 0)
        run_after(200us, step);
      else
        ended.done();
    };
    run_after(0s, step);
    ended.wait();
    sleep_for(1ms);
  });
}

// Go: TestAfterStop.
TEST_P(timer_test, stopped) {
  run_on(GetParam(), [] {
    std::atomic<int> calls = 0;
    timer far = run_after(1h, [&] { ++calls; });
    timer near = run_after(100us, [&] { ++calls; });
    EXPECT_TRUE(far.stop());
    EXPECT_FALSE(far.stop());
    EXPECT_TRUE(eventually([&] { return calls == 1; }));
    EXPECT_FALSE(near.stop());
    EXPECT_FALSE(timer().stop());
    sleep_for(1ms);
    EXPECT_EQ(calls, 1);
  });
}

// Go: TestTimerStopStress. Each is stopped or called, not both, when both happen at the same time.
TEST_P(timer_test, stop_stress) {
  run_on(GetParam(), [] {
    constexpr int many = 300;
    std::atomic<int> calls = 0, stopped = 0;
    tasks all;
    all.start_many(many, [&](int number) {
      timer t = run_after(std::chrono::microseconds(number % 50), [&] { ++calls; });
      sleep_for(std::chrono::microseconds(number % 47));
      stopped += t.stop();
    });
    all.wait();
    EXPECT_TRUE(eventually([&] { return calls + stopped == many; }));
    sleep_for(1ms);
    EXPECT_EQ(calls + stopped, many);
  });
}

// Go: TestSleepZeroDeadlock. Sleeps of no time, while timers come and go.
TEST_P(timer_test, sleeps_of_no_time) {
  run_on(GetParam(), [] {
    tasks all;
    all.start([] {
      for (int i = 0; i < 100; ++i)
        run_after(1us, [] {});
    });
    for (int i = 0; i < 100; ++i) {
      sleep_for(0s);
      sleep_for(-1s);
      EXPECT_TRUE(sleep_for(0s, stop_source().get_token()));
      yield();
    }
  });
}

// Go: TestLongAdjustTimers, in spirit: many at nearly the same time, set, stopped and set again.
TEST_P(timer_test, many_at_once) {
  run_on(GetParam(), [] {
    std::atomic<int> calls = 0;
    int kept = 0;
    std::vector<timer> all;
    for (int i = 0; i < 2'000; ++i)
      all.push_back(run_after(std::chrono::microseconds(2'000 + i % 7), [&] { ++calls; }));
    for (std::size_t i = 0; i < all.size(); i += 2)
      kept -= all[i].stop();
    kept += 2'000;
    EXPECT_TRUE(eventually([&] { return calls == kept; }));
  });
}

} // namespace
} // namespace stillpoint::test
