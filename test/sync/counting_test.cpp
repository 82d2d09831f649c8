// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Semaphores, latches, wait groups and once flags. Cases that name one of Go's (sync/*_test.go) are written anew after it.
#include <stillpoint/latch.hpp>
#include <stillpoint/once.hpp>
#include <stillpoint/semaphore.hpp>

#include "support.h"

#include <atomic>
#include <memory>
#include <stdexcept>
#include <thread>

namespace stillpoint::test {
namespace {

class counting_test : public on_processors {};
STILLPOINT_ON_PROCESSORS(counting_test);

TEST_P(counting_test, semaphore_lets_in_so_many) {
  run_on(GetParam(), [] {
    counting_semaphore<3> s(3);
    std::atomic<int> inside = 0;
    tasks all;
    all.start_many(12, [&](int number) {
      for (int i = 0; i < 300; ++i) {
        if (i % 4 == number % 4) {
          if (!s.try_acquire_for(std::chrono::microseconds(i % 30)))
            continue;
        } else {
          s.acquire();
        }
        EXPECT_LE(++inside, 3);
        if (i % 16 == 0)
          yield();
        --inside;
        s.release();
      }
    });
    all.wait();
    for (int i = 0; i < 3; ++i)
      EXPECT_TRUE(s.try_acquire());
    EXPECT_FALSE(s.try_acquire());
  });
}

TEST_P(counting_test, semaphore_gives_many_at_once) {
  run_on(GetParam(), [] {
    counting_semaphore<> s(0);
    std::atomic<int> in = 0;
    tasks all;
    all.start_many(10, [&](int) {
      s.acquire();
      ++in;
    });
    let_others_run();
    s.release(4);
    EXPECT_TRUE(eventually([&] { return in == 4; }));
    s.release(8); // two more than wait
    all.wait();
    EXPECT_TRUE(s.try_acquire());
    EXPECT_TRUE(s.try_acquire());
    EXPECT_FALSE(s.try_acquire());
  });
}

TEST_P(counting_test, semaphore_and_requests_to_stop) {
  run_on(GetParam(), [] {
    binary_semaphore s(0);
    stop_source source;
    tasks all;
    all.start_many(5, [&](int) { EXPECT_FALSE(s.acquire(source.get_token())); });
    let_others_run();
    source.request_stop();
    all.wait();
    s.release();
    EXPECT_TRUE(s.acquire(source.get_token())); // there is one
    EXPECT_FALSE(s.try_acquire_until(std::chrono::steady_clock::now() + 100us));
  });
}

TEST_P(counting_test, semaphore_destroyed_by_who_got_the_last) {
  run_on(GetParam(), [] {
    for (int round = 0; round < 500; ++round) {
      auto *const s = new binary_semaphore(0);
      tasks all;
      all.start([s] {
        s->acquire();
        delete s;
      });
      if (round % 2)
        yield();
      s->release();
    }
  });
}

TEST_P(counting_test, semaphore_from_a_thread) {
  run_on(GetParam(), [] {
    counting_semaphore<> s(0);
    std::thread other([&] {
      for (int i = 0; i < 1'000; ++i)
        s.release();
    });
    for (int i = 0; i < 1'000; ++i)
      s.acquire();
    other.join();
  });
}

// Go: TestWaitGroup. One waits for sixteen, and they for it.
TEST_P(counting_test, wait_group) {
  run_on(GetParam(), [] {
    wait_group one, two;
    for (int round = 0; round < 8; ++round) {
      constexpr int many = 16;
      one.add(many);
      two.add(many);
      std::atomic<int> ended = 0;
      for (int i = 0; i < many; ++i)
        go([&] {
          one.done();
          two.wait();
          ++ended;
        });
      one.wait();
      for (int i = 0; i < many; ++i) {
        EXPECT_EQ(ended, 0);
        two.done();
      }
      EXPECT_TRUE(eventually([&] { return ended == many; }));
    }
  });
}

// Go: TestWaitGroupRace. The last done() while the one who waits destroys it.
TEST_P(counting_test, wait_group_race) {
  run_on(GetParam(), [] {
    for (int round = 0; round < 1'000; ++round) {
      std::atomic<int> n = 0;
      {
        auto group = std::make_unique<wait_group>();
        for (int i = 0; i < 2; ++i) {
          group->add();
          go([&n, g = group.get()] {
            ++n;
            g->done();
          });
        }
        group->wait();
      }
      ASSERT_EQ(n, 2);
    }
  });
}

TEST_P(counting_test, wait_group_with_deadlines_and_requests_to_stop) {
  run_on(GetParam(), [] {
    wait_group group(1);
    EXPECT_FALSE(group.try_wait());
    EXPECT_FALSE(group.wait_for(100us));
    EXPECT_FALSE(group.wait_until(std::chrono::steady_clock::now() + 100us));
    stop_source source;
    {
      tasks all;
      all.start_many(4, [&](int) { EXPECT_FALSE(group.wait(source.get_token())); });
      all.start_many(4, [&](int number) { group.wait_for(std::chrono::microseconds(number)); });
      let_others_run();
      source.request_stop();
    }
    tasks all;
    all.start_many(4, [&](int) { EXPECT_TRUE(group.wait_for(10min)); });
    let_others_run();
    group.done();
    EXPECT_TRUE(group.wait_for(0s));
    EXPECT_TRUE(group.try_wait());
  });
}

TEST_P(counting_test, latch) {
  run_on(GetParam(), [] {
    stillpoint::latch l(3);
    EXPECT_FALSE(l.try_wait());
    EXPECT_FALSE(l.wait_for(100us));
    tasks all;
    all.start_many(2, [&](int) { l.arrive_and_wait(); });
    l.arrive_and_wait();
    EXPECT_TRUE(l.try_wait());
    l.wait();
  });
}

// Go: TestOnce.
TEST_P(counting_test, once) {
  run_on(GetParam(), [] {
    for (int round = 0; round < 100; ++round) {
      once_flag flag;
      int calls = 0;
      tasks all;
      all.start_many(10, [&](int) {
        call_once(flag, [&] {
          if (round % 10 == 0)
            sleep_for(100us);
          ++calls;
        });
        EXPECT_EQ(calls, 1); // it has returned, whoever called
      });
    }
  });
}

// Go: TestOncePanic; but as the C++ standard has it: who throws has not called.
TEST_P(counting_test, once_that_throws) {
  run_on(GetParam(), [] {
    once_flag flag;
    int calls = 0;
    EXPECT_THROW(call_once(flag, [] { throw std::runtime_error("not this time"); }), std::runtime_error);
    call_once(flag, [&](int by) { calls += by; }, 1);
    call_once(flag, [&](int by) { calls += by; }, 1);
    EXPECT_EQ(calls, 1);
  });
}

TEST(counting_outside_test, waits_need_a_task) {
  binary_semaphore s(0);
  EXPECT_THROW(s.acquire(), std::logic_error);
  EXPECT_THROW((void)s.try_acquire_for(1s), std::logic_error);
  s.release();
  s.acquire();
  stillpoint::latch l(1);
  EXPECT_THROW(l.wait(), std::logic_error);
  l.count_down();
}

} // namespace
} // namespace stillpoint::test
