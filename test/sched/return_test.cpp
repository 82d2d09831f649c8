// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Who comes back from an announced call, and others have its processor: asks for one itself, and tells the monitor only if that is in vain.
// This program is managed: its tasks can be stopped anywhere.
#include "sched/scheduler.h"
#include "support.h"

#include <atomic>
#include <chrono>
#include <unistd.h>

namespace {

using namespace stillpoint;
using namespace stillpoint::test;
using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

constexpr auto patience = 20s;

// With one processor, and slices that are no way to get on.
class return_test : public testing::Test {
protected:
  void SetUp() override {
    if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
      GTEST_SKIP() << "who looks for a processor needs a CPU of its own";
  }

private:
  const with_variable slice_{"STILLPOINT_SLICE", "1000s"};
};

TEST_F(return_test, it_goes_on_on_its_thread_and_the_monitor_sleeps) {
  run_on(1, [] {
    const rt::scheduler &s = *rt::sched::active();
    std::atomic<bool> stop = false;
    wait_group ended;
    ended.add();
    go([&] {
      while (!stop.load(std::memory_order_relaxed))
        ;
      ended.done();
    });
    int times = 0;
    for (const auto limit = clock::now() + patience; times < 10 && clock::now() < limit;) {
      const std::uint32_t alarms = s.monitor_word.load();
      const pid_t thread = gettid();
      stillpoint::syscall([] { usleep(1000); });
      times += gettid() == thread && s.monitor_word.load() == alarms;
    }
    EXPECT_EQ(times, 10);
    stop = true;
    ended.wait();
  });
}

[[stillpoint::nosplit]] void compute_unstoppably(std::chrono::milliseconds time) {
  for (const auto end = clock::now() + time; clock::now() < end;)
    ;
}

TEST_F(return_test, the_monitor_asks_again_who_would_not_stop) {
  run_on(1, [] {
    for (int i = 0; i < 5; ++i) {
      std::atomic<bool> inside = false, back = false, in_time = true;
      wait_group ended;
      ended.add();
      go([&] {
        while (!inside.load(std::memory_order_relaxed))
          ;
        compute_unstoppably(20ms);
        for (const auto limit = clock::now() + patience; in_time && !back.load(std::memory_order_relaxed);)
          in_time = clock::now() < limit;
        ended.done();
      });
      stillpoint::syscall([&] {
        inside = true;
        usleep(2000);
      });
      back = true;
      ended.wait();
      ASSERT_TRUE(in_time) << "round " << i;
    }
  });
}

} // namespace
