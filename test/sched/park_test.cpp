// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Parking and waking from below: no wake-up is lost, and a task that is bound to its worker comes back to it.
#include "sched/park.h"
#include "support.h"

#include <atomic>
#include <thread>
#include <unistd.h>

namespace stillpoint::test {
namespace {

class park_test : public on_processors {};
STILLPOINT_ON_PROCESSORS(park_test);

// One task waits in it; whoever posts first or second, nobody is left asleep.
class mailbox {
public:
  void post() {
    rt::task *waiter = nullptr;
    {
      const rt::lock_guard held(lock_);
      ++posted_;
      waiter = std::exchange(waiter_, nullptr);
    }
    if (waiter)
      rt::sched::ready(*waiter);
  }

  void take() STILLPOINT_UNCHECKED_LOCKING {
    for (;;) {
      rt::worker &w = rt::sched::require_task("take()");
      lock_.acquire();
      if (posted_ > 0) {
        --posted_;
        lock_.release();
        return;
      }
      waiter_ = w.current;
      rt::sched::park(w, {}, unlock, &lock_);
    }
  }

private:
  static bool unlock(rt::task &, void *lock) noexcept STILLPOINT_UNCHECKED_LOCKING {
    static_cast<rt::lock *>(lock)->release();
    return true;
  }

  rt::lock lock_;
  int posted_ = 0;
  rt::task *waiter_ = nullptr;
};

TEST_P(park_test, storm) {
  constexpr int pairs = 8, rounds = 5'000;
  std::atomic<int> ended = 0;
  run_on(GetParam(), [&] {
    wait_group group;
    mailbox boxes[pairs][2];
    for (auto &pair : boxes)
      for (int side = 0; side < 2; ++side) {
        group.add();
        go([&, side] {
          for (int i = 0; i < rounds; ++i) {
            pair[1 - side].post();
            pair[side].take();
          }
          ++ended;
          group.done();
        });
      }
    group.wait();
  });
  EXPECT_EQ(ended, 2 * pairs);
}

TEST_P(park_test, storm_from_a_foreign_thread) {
  constexpr int rounds = 5'000;
  run_on(GetParam(), [&] {
    mailbox box;
    std::thread other([&] {
      for (int i = 0; i < rounds; ++i)
        box.post();
    });
    for (int i = 0; i < rounds; ++i)
      box.take();
    other.join();
  });
}

TEST_P(park_test, a_commit_may_refuse) {
  run_on(GetParam(), [] {
    for (int i = 0; i < 100; ++i)
      rt::sched::park(rt::sched::require_task("test"), {}, [](rt::task &, void *) noexcept { return false; }, nullptr);
  });
}

// What a stop at a pinned point does, without the signal.
TEST_P(park_test, pinned_tasks_come_back_to_their_worker) {
  std::atomic<int> moved = 0;
  run_on(GetParam(), [&] {
    wait_group group;
    for (int i = 0; i < 50; ++i) {
      group.add();
      go([&] {
        for (int round = 0; round < 100; ++round) {
          const int before = gettid();
          rt::sched::reschedule_preempted(true);
          moved += gettid() != before;
          rt::sched::reschedule_preempted(false);
          if (round % 10 == 0)
            sleep_for(std::chrono::microseconds(10));
        }
        group.done();
      });
    }
    group.wait();
  });
  EXPECT_EQ(moved, 0);
}

// Two tasks that wake each other have the processor to themselves for one slice at most.
TEST(park_one_processor, a_pair_that_wakes_each_other_starves_nobody) {
  bool stop = false;
  int rounds = 0;
  run_on(1, [&] {
    wait_group ended;
    mailbox boxes[2];
    for (int me = 0; me < 2; ++me) {
      ended.add();
      go([&, me] {
        while (!stop) {
          ++rounds;
          boxes[1 - me].post();
          boxes[me].take();
        }
        boxes[1 - me].post();
        ended.done();
      });
    }
    for (int i = 0; i < 5; ++i)
      yield();
    EXPECT_GT(rounds, 2);
    stop = true;
    ended.wait();
  });
}

// A pinned task and the others have their turns; neither keeps out the other.
TEST(park_one_processor, pinned_and_others_take_turns) {
  int pinned_turns = 0, other_turns = 0;
  bool stop = false;
  run_on(1, [&] {
    wait_group group;
    group.add(2);
    go([&] {
      while (!stop) {
        ++pinned_turns;
        rt::sched::reschedule_preempted(true);
      }
      group.done();
    });
    go([&] {
      while (!stop) {
        ++other_turns;
        yield();
      }
      group.done();
    });
    EXPECT_TRUE(eventually([&] { return pinned_turns >= 100 && other_turns >= 100; }));
    stop = true;
    group.wait();
  });
}

} // namespace
} // namespace stillpoint::test
