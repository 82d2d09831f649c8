// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// run(): results, running again, and what happens to tasks that have not ended.
#include "sched/park.h"
#include "support.h"

#include <atomic>
#include <memory>
#include <stdexcept>
#include <stillpoint/metrics.hpp>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

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

thread_local int of_this_thread = 0;

// Go's TestLockOSThread..., main locked in an init function: it stays where it is, and nobody else comes.
TEST_P(run_test, main_on_the_calling_thread) {
  of_this_thread = 5;
  const int here = gettid();
  for (int round = 0; round < 20; ++round) {
    std::atomic<int> intruders = 0;
    const with_variable procs("STILLPOINT_PROCS", std::to_string(GetParam()));
    int local = 7;
    const int &same = run_on_this_thread([&]() -> int & {
      EXPECT_EQ(this_task::name(), "main");
      EXPECT_TRUE(this_task::is_locked_to_os_thread());
      unlock_os_thread(); // for good
      wait_group group;
      for (int i = 0; i < 10; ++i) {
        group.add();
        go([&] {
          for (int turn = 0; turn < 5; ++turn, yield())
            intruders += gettid() == here;
          group.done();
        });
        yield();
        EXPECT_EQ(gettid(), here);
      }
      group.wait();
      sleep_for(100us);
      EXPECT_EQ(gettid(), here);
      EXPECT_EQ(of_this_thread, 5);
      return local;
    });
    EXPECT_EQ(&same, &local);
    EXPECT_EQ(intruders, 0);
    EXPECT_EQ(this_task::id(), 0u);
    EXPECT_EQ(run([] { return 3; }), 3) << "an ordinary one afterwards";
  }
}

TEST(run_here, begins_without_another_worker) {
  const with_variable procs("STILLPOINT_PROCS", "2");
  EXPECT_EQ(run_on_this_thread([] { return read_scheduler_metrics().threads; }), 1u);
}

// The run does not wait for the others, nor they for it.
TEST(run_here, ends_while_others_are_busy) {
  for (int round = 0; round < 10; ++round)
    run_on_this_thread([] {
      static std::atomic<int> begun;
      begun = 0;
      for (int i = 0; i < 4; ++i)
        go([] {
          ++begun;
          for (;;)
            yield();
        });
      EXPECT_TRUE(eventually([] { return begun == 4; }));
    });
}

TEST(run_here_death_test, the_end_of_main_in_a_child) {
  EXPECT_DEATH(run_on_this_thread([] {
                 const pid_t child = fork();
                 if (child == 0)
                   return;
                 int status = 0;
                 waitpid(child, &status, 0);
                 if (!WIFSIGNALED(status))
                   fprintf(stderr, "the child's status is %d\n", status);
                 abort();
               }),
               "stillpoint: the main task returned in a child of fork");
}

TEST(run_here, misuse_is_told) {
  run_on_this_thread([] { EXPECT_THROW(run_on_this_thread([] {}), std::logic_error); });
}

// Who is about to wake a task of a run, or reads its figures, finds it there until it has done.
TEST(run_end, waits_for_visitors) {
  std::atomic<bool> visited = false, returned = false, early = false;
  std::thread visitor;
  run_on(1, [&] {
    visitor = std::thread([&] {
      const rt::sched::visit here;
      visited = true;
      std::this_thread::sleep_for(50ms);
      early = returned.load();
    });
    EXPECT_TRUE(eventually([&] { return visited.load(); }));
  });
  returned = true;
  visitor.join();
  EXPECT_FALSE(early) << "run() returned, and the next could have had its scheduler";
}

// Threads that wake tasks without an end, run after run.
TEST_P(run_test, late_wake_ups_meet_no_other_run) {
  std::atomic<bool> stop = false;
  struct box {
    rt::lock mutex;
    rt::task *waiter = nullptr;
  } boxes[2];
  std::vector<std::thread> wakers;
  for (box &b : boxes)
    wakers.emplace_back([&stop, &b] {
      while (!stop) {
        b.mutex.acquire();
        rt::task *const t = std::exchange(b.waiter, nullptr);
        b.mutex.release();
        if (t)
          rt::sched::ready(*t);
      }
    });
  for (int i = 0; i < 300; ++i)
    run_on(GetParam(), [&] {
      for (box &b : boxes)
        go([&b] {
          for (;;) {
            rt::worker &w = rt::sched::require_task("test");
            b.mutex.acquire();
            b.waiter = w.current;
            const auto commit = [](rt::task &, void *l) noexcept {
              static_cast<rt::lock *>(l)->release();
              return true;
            };
            rt::sched::park(w, {}, commit, &b.mutex);
          }
        });
      for (int turn = 0; turn < 3; ++turn)
        yield();
    });
  stop = true;
  for (std::thread &w : wakers)
    w.join();
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
