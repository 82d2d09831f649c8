// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// run(): results, running again, and what happens to tasks that have not ended.
#include "support.h"

#include <atomic>
#include <memory>
#include <thread>
#include <unistd.h>

namespace stillpoint::test {
namespace {

using namespace std::chrono_literals;

class run_test : public on_processors {};
STILLPOINT_ON_PROCESSORS(run_test);

TEST_P(run_test, hands_on_the_result) {
  int variable = 0;
  EXPECT_EQ(run_on(GetParam(), [] { return 42; }), 42);
  EXPECT_EQ(&run_on(GetParam(), [&]() -> int & { return variable; }), &variable);
  EXPECT_EQ(*run_on(GetParam(), [] { return std::make_unique<int>(7); }), 7);
  run_on(GetParam(), [&] { variable = 1; });
  EXPECT_EQ(variable, 1);
}

TEST_P(run_test, can_be_called_again) {
  for (int i = 0; i < 200; ++i) {
    int ran = 0;
    run_on(GetParam(), [&] {
      wait_group group;
      group.add(2);
      go([&] { group.done(); });
      go([&] { group.done(); });
      group.wait();
      ++ran;
    });
    ASSERT_EQ(ran, 1);
  }
}

TEST_P(run_test, knows_its_processors) {
  EXPECT_EQ(run_on(GetParam(), [] { return processors(); }), GetParam());
}

TEST_P(run_test, abandons_tasks_without_unwinding) {
  static std::atomic<int> destroyed;
  destroyed = 0;
  struct witness {
    ~witness() { ++destroyed; }
  };
  std::atomic<int> begun = 0;
  run_on(GetParam(), [&] {
    for (int i = 0; i < 3; ++i)
      go([&] {
        const witness w;
        ++begun;
        for (;;)
          sleep_for(1h);
      });
    EXPECT_TRUE(eventually([&] { return begun == 3; }));
  });
  EXPECT_EQ(destroyed, 0);
}

TEST_P(run_test, ends_while_others_are_busy) {
  run_on(GetParam(), [&] {
    std::atomic<int> begun = 0;
    static std::atomic<int> *shared;
    shared = &begun;
    for (int i = 0; i < 4; ++i)
      go([] {
        ++*shared;
        for (;;)
          yield();
      });
    EXPECT_TRUE(eventually([&] { return begun == 4; }));
  });
}

// A worker that sits in a blocking call is left behind; when it comes back it finds its run over and ends.
TEST(run_end, leaves_a_stuck_worker_behind) {
  static std::atomic<bool> stuck, release, back;
  run_on(2, [] {
    const int here = gettid(); // main stays here: it is not managed code
    const auto get_stuck = [here] {
      if (gettid() == here || stuck.exchange(true))
        return;
      while (!release)
        std::this_thread::sleep_for(1ms);
      back = true;
      yield();
      ADD_FAILURE() << "a task went on after its run";
    };
    EXPECT_TRUE(eventually([&] {
      go(get_stuck);
      return stuck.load();
    }));
  });
  EXPECT_FALSE(back);
  EXPECT_EQ(run_on(2, [] { return 1; }), 1);
  release = true;
  for (int i = 0; i < 30'000 && !back; ++i)
    std::this_thread::sleep_for(1ms);
  EXPECT_TRUE(back);
  EXPECT_EQ(run_on(2, [] { return 2; }), 2);
}

TEST(run_end, a_wake_up_from_a_former_run_is_no_harm) {
  static wait_group group;
  group.add();
  std::atomic<bool> waits = false;
  run_on(1, [&] {
    go([&] {
      waits = true;
      group.wait();
      ADD_FAILURE() << "a task went on after its run";
    });
    EXPECT_TRUE(eventually([&] { return waits.load(); }));
    for (int i = 0; i < 10; ++i)
      yield();
  });
  run_on(1, [] {
    group.done();
    for (int i = 0; i < 10; ++i)
      yield();
  });
}

TEST(statistics, are_printed_on_request) {
  const with_variable debug("STILLPOINT_DEBUG", "schedtrace=1,preemptstats=1");
  testing::internal::CaptureStderr();
  run_on(1, [] { yield(); });
  const std::string printed = testing::internal::GetCapturedStderr();
  EXPECT_NE(printed.find("stillpoint: schedtrace: 1 tasks, "), std::string::npos) << printed;
  EXPECT_NE(printed.find("stillpoint: preemptstats: "), std::string::npos) << printed;
}

} // namespace
} // namespace stillpoint::test
