// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The scheduler's figures, where they are certain.
#include "../sched/support.h"

#include <stillpoint/metrics.hpp>

#include <string>

namespace stillpoint::test {
namespace {

using namespace std::chrono_literals;

class metrics_test : public on_processors {};
STILLPOINT_ON_PROCESSORS(metrics_test);

TEST_P(metrics_test, count_tasks) {
  run_on(GetParam(), [] {
    wait_group begun, end, ended;
    begun.add(10);
    end.add();
    ended.add(10);
    for (int i = 0; i < 10; ++i)
      go([&] {
        begun.done();
        end.wait();
        ended.done();
      });
    begun.wait();
    EXPECT_TRUE(eventually([] { return read_scheduler_metrics().tasks_waiting == 10; }));
    const scheduler_metrics m = read_scheduler_metrics();
    EXPECT_EQ(m.processors, processors());
    EXPECT_EQ(m.tasks_begun, 11u);
    EXPECT_EQ(m.tasks_running, 1u);
    EXPECT_EQ(m.tasks_runnable, 0u);
    EXPECT_GE(m.threads, 1u);
    EXPECT_GE(m.threads_started, m.threads);
    end.done();
    ended.wait();
    EXPECT_TRUE(eventually([] { return read_scheduler_metrics().tasks_ended == 10; }));
  });
}

TEST(metrics_outside, are_zero) {
  const scheduler_metrics m = read_scheduler_metrics();
  EXPECT_EQ(m.processors, 0u);
  EXPECT_EQ(m.tasks_begun, 0u);
}

TEST(schedtrace, prints_a_line_every_so_often) {
  const with_variable debug("STILLPOINT_DEBUG", "schedtrace=5");
  testing::internal::CaptureStderr();
  run_on(2, [] { sleep_for(200ms); });
  const std::string printed = testing::internal::GetCapturedStderr();
  EXPECT_NE(printed.find(" ms: processors 2, idle "), std::string::npos) << printed;
}

} // namespace
} // namespace stillpoint::test
