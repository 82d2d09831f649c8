// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Shared mutexes. Cases that name one of Go's (sync/rwmutex_test.go) are written anew after it.
#include <stillpoint/latch.hpp>
#include <stillpoint/shared_mutex.hpp>

#include "support.h"

#include <atomic>
#include <mutex>
#include <shared_mutex>

namespace stillpoint::test {
namespace {

class shared_mutex_test : public on_processors {};
STILLPOINT_ON_PROCESSORS(shared_mutex_test);

// Go: TestParallelReaders. All are inside at the same time.
TEST_P(shared_mutex_test, parallel_readers) {
  for (const int readers : {1, 3, 40})
    run_on(GetParam(), [&] {
      shared_mutex m;
      latch inside(readers), leave(1);
      tasks all;
      all.start_many(readers, [&](int) {
        const std::shared_lock held(m);
        inside.count_down();
        leave.wait();
      });
      inside.wait();
      EXPECT_FALSE(m.try_lock());
      leave.count_down();
    });
}

// Go: TestRWMutex, its hammer. Ten thousand and one readers would show as a writer does.
TEST_P(shared_mutex_test, hammer) {
  run_on(GetParam(), [&] {
    shared_mutex m;
    std::atomic<int> activity = 0;
    const auto read = [&](int number) {
      for (int i = 0; i < 500; ++i) {
        if (i % 8 == number % 8) {
          if (!m.try_lock_shared())
            continue;
        } else if (i % 8 == 1) {
          if (!m.try_lock_shared_for(20us))
            continue;
        } else {
          m.lock_shared();
        }
        EXPECT_LT(activity.fetch_add(1), 10'000);
        for (volatile int spin = 0; spin < 100; spin = spin + 1)
          ;
        --activity;
        m.unlock_shared();
      }
    };
    const auto write = [&](int number) {
      for (int i = 0; i < 500; ++i) {
        if (i % 8 == number % 8) {
          if (!m.try_lock_for(20us))
            continue;
        } else {
          m.lock();
        }
        EXPECT_EQ(activity.fetch_add(10'000), 0);
        for (volatile int spin = 0; spin < 100; spin = spin + 1)
          ;
        activity -= 10'000;
        m.unlock();
      }
    };
    tasks all;
    all.start([&] { write(0); });
    all.start_many(5, read);
    all.start([&] { write(1); });
    all.start_many(5, read);
    all.wait();
    EXPECT_TRUE(m.try_lock()); // as it was
    m.unlock();
  });
}

// Go: TestRWMutex, its TryLocks.
TEST(shared_mutex_plain_test, tries) {
  shared_mutex m;
  EXPECT_TRUE(m.try_lock_shared());
  EXPECT_TRUE(m.try_lock_shared());
  EXPECT_FALSE(m.try_lock());
  m.unlock_shared();
  m.unlock_shared();
  EXPECT_TRUE(m.try_lock());
  EXPECT_FALSE(m.try_lock());
  EXPECT_FALSE(m.try_lock_shared());
  EXPECT_THROW(m.lock(), std::logic_error); // outside of tasks
  EXPECT_THROW(m.lock_shared(), std::logic_error);
  m.unlock();
}

// Readers that overlap for ever do not keep out a writer.
TEST_P(shared_mutex_test, writers_are_not_starved) {
  run_on(GetParam(), [&] {
    shared_mutex m;
    std::atomic<bool> stop = false;
    tasks all;
    all.start_many(4, [&](int) {
      while (!stop) {
        const std::shared_lock held(m);
        sleep_for(50us);
      }
    });
    let_others_run();
    for (int i = 0; i < 10; ++i)
      const std::lock_guard held(m);
    stop = true;
  });
}

// Nor writers a reader.
TEST_P(shared_mutex_test, readers_are_not_starved) {
  run_on(GetParam(), [&] {
    shared_mutex m;
    std::atomic<bool> stop = false;
    tasks all;
    all.start_many(4, [&](int) {
      while (!stop) {
        const std::lock_guard held(m);
        sleep_for(50us);
      }
    });
    let_others_run();
    for (int i = 0; i < 10; ++i)
      const std::shared_lock held(m);
    stop = true;
  });
}

// Who comes to read goes behind a writer that waits, and goes in when that one has given up, although readers have the lock all the time.
TEST_P(shared_mutex_test, a_writer_that_gives_up_lets_readers_in) {
  run_on(GetParam(), [&] {
    shared_mutex m;
    m.lock_shared();
    std::atomic<bool> gave_up = false;
    tasks all;
    all.start([&] {
      EXPECT_FALSE(m.try_lock_for(5ms));
      gave_up = true;
    });
    EXPECT_TRUE(eventually([&] {
      if (!m.try_lock_shared())
        return true; // the writer waits
      m.unlock_shared();
      return gave_up.load();
    }));
    m.lock_shared(); // else it waits for ever
    m.unlock_shared();
    m.unlock_shared();
  });
}

TEST_P(shared_mutex_test, destroyed_by_the_last) {
  run_on(GetParam(), [&] {
    for (int round = 0; round < 300; ++round) {
      struct shared {
        shared_mutex m;
        std::atomic<int> left = 4;
      };
      auto *const s = new shared;
      tasks all;
      all.start_many(4, [s](int number) {
        bool last;
        if (number % 2) {
          s->m.lock();
          last = --s->left == 0;
          s->m.unlock();
        } else {
          s->m.lock_shared();
          last = --s->left == 0;
          s->m.unlock_shared();
        }
        // A reader that comes last may leave others that are still inside.
        if (last) {
          s->m.lock();
          s->m.unlock();
          delete s;
        }
      });
    }
  });
}

// Go: TestRWMutex's misuse, in runtime's tests there.
TEST(shared_mutex_death_test, unlocked_by_nobody) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_DEATH(shared_mutex().unlock(), "stillpoint: unlock\\(\\) of a shared_mutex that nobody has locked");
  EXPECT_DEATH(shared_mutex().unlock_shared(), "stillpoint: unlock_shared\\(\\) of a shared_mutex that nobody has locked");
  EXPECT_DEATH(
      {
        shared_mutex m;
        m.lock_shared();
        m.unlock();
      },
      "stillpoint: unlock\\(\\) of a shared_mutex");
  EXPECT_DEATH(
      {
        shared_mutex m;
        m.lock();
        m.unlock_shared();
      },
      "stillpoint: unlock_shared\\(\\) of a shared_mutex");
}

} // namespace
} // namespace stillpoint::test
