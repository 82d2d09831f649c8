// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The mutex in running programs, preempted anywhere. Cases that name one of Go's (sync/mutex_test.go) are written anew after it.
#include <stillpoint/mutex.hpp>

#include "support.h"

#include <atomic>
#include <memory>
#include <mutex>
#include <thread>

namespace stillpoint::test {
namespace {

class mutex_test : public on_processors {};
STILLPOINT_ON_PROCESSORS(mutex_test);

// Go: TestMutex. Hammered by ten, some of the attempts by try_lock.
TEST_P(mutex_test, hammer) {
  constexpr int loops = 2'000;
  long counter = 0, taken = 0;
  run_on(GetParam(), [&] {
    mutex m;
    m.lock();
    EXPECT_FALSE(m.try_lock());
    m.unlock();
    EXPECT_TRUE(m.try_lock());
    m.unlock();
    std::atomic<long> locked = 0;
    tasks all;
    all.start_many(10, [&](int) {
      for (int i = 0; i < loops; ++i) {
        if (i % 3 == 0) {
          if (!m.try_lock())
            continue;
        } else {
          m.lock();
        }
        ++counter;
        ++locked;
        m.unlock();
      }
    });
    all.wait();
    taken = locked;
  });
  EXPECT_EQ(counter, taken);
}

// Go: TestMutexFairness. One that sleeps with the mutex held and takes it again at once does not keep out another for ever.
TEST_P(mutex_test, fairness) {
  run_on(GetParam(), [&] {
    mutex m;
    std::atomic<bool> stop = false;
    tasks all;
    all.start([&] {
      while (!stop) {
        const std::lock_guard held(m);
        sleep_for(100us);
      }
    });
    all.start([&] {
      for (int i = 0; i < 10; ++i) {
        sleep_for(100us);
        const std::lock_guard held(m);
      }
      stop = true;
    });
  });
}

// Who holds one may be preempted, and may wait.
TEST_P(mutex_test, held_over_loops_and_sleeps) {
  long counter = 0;
  run_on(GetParam(), [&] {
    mutex m;
    tasks all;
    all.start_many(8, [&](int number) {
      for (int i = 0; i < 20; ++i) {
        const std::lock_guard held(m);
        const long seen = counter;
        if (i % 5 == number % 5)
          sleep_for(50us);
        for (volatile int spin = 0; spin < 20'000; spin = spin + 1)
          ;
        counter = seen + 1;
      }
    });
  });
  EXPECT_EQ(counter, 160);
}

// A loop that never gives way, with the mutex held, is preempted: those that wait are not those that suffer.
TEST_P(mutex_test, others_run_while_it_is_held_by_a_loop) {
  run_on(GetParam(), [&] {
    mutex m;
    std::atomic<bool> stop = false;
    tasks all;
    all.start([&] {
      const std::lock_guard held(m);
      while (!stop.load(std::memory_order_relaxed))
        ;
    });
    all.start([&] { const std::lock_guard held(m); });
    all.start([&] {
      sleep_for(1ms);
      stop = true;
    });
  });
}

TEST_P(mutex_test, deadlines) {
  run_on(GetParam(), [&] {
    mutex m;
    m.lock();
    {
      tasks all;
      all.start_many(8, [&](int number) {
        EXPECT_FALSE(m.try_lock_for(std::chrono::microseconds(300 * number)));
        EXPECT_FALSE(m.try_lock_until(std::chrono::system_clock::now() + 200us));
      });
    }
    {
      tasks all;
      all.start([&] {
        EXPECT_TRUE(m.try_lock_for(10min));
        m.unlock();
      });
      let_others_run();
      m.unlock();
    }
    EXPECT_TRUE(m.try_lock_for(0s));
    m.unlock();
  });
}

// Between unlock() and the turn of the task that it wakes the mutex is free, although its word is not zero. That one may have been and gone, or be
// stopped with the mutex, but not each time.
TEST(mutex_on_one_processor_test, try_lock_takes_one_that_is_free_while_a_waiter_is_on_its_way) {
  int taken = 0;
  run_on(1, [&] {
    for (int i = 0; i < 20; ++i) {
      mutex m;
      std::atomic<bool> had = false;
      m.lock();
      tasks all;
      all.start([&] {
        const std::lock_guard held(m);
        had = true;
      });
      let_others_run();
      m.unlock();
      const bool mine = m.try_lock();
      taken += mine && !had ? 1 : 0;
      if (mine)
        m.unlock();
    }
  });
  EXPECT_GT(taken, 0);
}

// Waits end by unlock() and by their deadlines at the same time; the lock is lost to nobody.
TEST_P(mutex_test, deadlines_that_race) {
  long counter = 0;
  std::atomic<long> had = 0;
  run_on(GetParam(), [&] {
    mutex m;
    tasks all;
    all.start_many(6, [&](int number) {
      for (int i = 0; i < 300; ++i)
        if (m.try_lock_for(std::chrono::microseconds((i * 7 + number * 13) % 60))) {
          ++counter;
          ++had;
          for (volatile int spin = 0; spin < 2'000; spin = spin + 1)
            ;
          if (i % 32 == 0)
            yield();
          m.unlock();
        }
    });
    all.wait();
    EXPECT_TRUE(m.try_lock());
    m.unlock();
  });
  EXPECT_EQ(counter, had);
}

// The one who comes last destroys it, while the one before may still be in unlock().
TEST_P(mutex_test, destroyed_by_the_last) {
  run_on(GetParam(), [&] {
    for (int round = 0; round < 500; ++round) {
      struct shared {
        mutex m;
        int left = 3;
      };
      auto *const s = new shared;
      tasks all;
      all.start_many(3, [s](int) {
        s->m.lock();
        const bool last = --s->left == 0;
        s->m.unlock();
        if (last)
          delete s;
      });
    }
  });
}

TEST_P(mutex_test, as_the_standard_library_wants_it) {
  run_on(GetParam(), [&] {
    mutex a, b;
    std::unique_lock one(a);
    EXPECT_FALSE(std::unique_lock(a, std::try_to_lock));
    EXPECT_FALSE(std::unique_lock(a, 1ms));
    one.unlock();
    long counter = 0;
    {
      tasks all;
      all.start_many(8, [&](int number) {
        for (int i = 0; i < 100; ++i)
          if (number % 2) {
            const std::scoped_lock both(a, b);
            ++counter;
          } else {
            const std::scoped_lock both(b, a);
            ++counter;
          }
      });
    }
    EXPECT_EQ(counter, 800);
    EXPECT_EQ(std::try_lock(a, b), -1);
    a.unlock();
    b.unlock();
  });
}

// unlock() wakes a task from any thread.
TEST_P(mutex_test, given_back_by_a_thread) {
  run_on(GetParam(), [&] {
    mutex m;
    m.lock();
    std::thread other([&] {
      std::this_thread::sleep_for(2ms);
      m.unlock();
    });
    m.lock();
    other.join();
    m.unlock();
  });
}

TEST(mutex_outside_test, only_waits_need_a_task) {
  static constinit mutex m;
  m.lock();
  EXPECT_THROW(m.lock(), std::logic_error);
  EXPECT_THROW((void)m.try_lock_for(1s), std::logic_error);
  m.unlock();
}

// Go: TestMutexMisuse.
TEST(mutex_death_test, unlocked_by_nobody) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_DEATH(mutex().unlock(), "stillpoint: unlock\\(\\) of a mutex that nobody has locked");
}

} // namespace
} // namespace stillpoint::test
