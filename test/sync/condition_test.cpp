// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Condition variables. Cases that name one of Go's (sync/cond_test.go) are written anew after it.
#include <stillpoint/condition_variable.hpp>
#include <stillpoint/mutex.hpp>
#include <stillpoint/shared_mutex.hpp>

#include "support.h"

#include <atomic>
#include <mutex>
#include <shared_mutex>
#include <thread>
#include <vector>

namespace stillpoint::test {
namespace {

class condition_test : public on_processors {};
STILLPOINT_ON_PROCESSORS(condition_test);

using lock = std::unique_lock<mutex>;

// Go: TestCondSignal. Each notification wakes exactly one.
TEST_P(condition_test, signal) {
  constexpr int many = 20;
  run_on(GetParam(), [] {
    mutex m;
    condition_variable c;
    int waiting = 0, awake = 0, go_on = 0;
    tasks all;
    all.start_many(many, [&](int) {
      lock l(m);
      ++waiting;
      while (go_on == 0)
        c.wait(l);
      --go_on;
      ++awake;
    });
    EXPECT_TRUE(eventually([&] { return lock(m), waiting == many; }));
    for (int n = 1; n <= many; ++n) {
      {
        lock l(m);
        EXPECT_EQ(awake, n - 1);
        ++go_on;
      }
      c.notify_one();
      EXPECT_TRUE(eventually([&] { return lock(m), awake == n; }));
    }
    c.notify_one(); // nobody
  });
}

// Go: TestCondSignalGenerations. First come, first woken.
TEST_P(condition_test, in_the_order_in_which_they_came) {
  constexpr int many = 50;
  std::vector<int> order;
  run_on(GetParam(), [&] {
    mutex m;
    condition_variable c;
    tasks all;
    for (int i = 0; i < many; ++i) {
      bool waits = false;
      all.start([&, i] {
        lock l(m);
        waits = true;
        c.wait(l);
        order.push_back(i);
      });
      EXPECT_TRUE(eventually([&] { return lock(m), waits; }));
    }
    for (int i = 0; i < many; ++i) {
      c.notify_one();
      EXPECT_TRUE(eventually([&] { return lock(m), order.size() == static_cast<std::size_t>(i) + 1; }));
    }
  });
  for (int i = 0; i < many; ++i)
    EXPECT_EQ(order.at(static_cast<std::size_t>(i)), i);
}

// Go: TestCondBroadcast.
TEST_P(condition_test, broadcast) {
  constexpr int many = 100, rounds = 20;
  run_on(GetParam(), [] {
    mutex m;
    condition_variable c;
    int waiting = 0, round = 0;
    tasks all;
    all.start_many(many, [&](int) {
      lock l(m);
      for (int mine = 0; mine < rounds; ++mine) {
        ++waiting;
        c.wait(l, [&] { return round > mine; });
      }
    });
    for (int r = 0; r < rounds; ++r) {
      EXPECT_TRUE(eventually([&] { return lock(m), waiting == many * (r + 1); }));
      lock l(m);
      ++round;
      c.notify_all();
    }
  });
}

// Go: TestRace. Three in a ring, each waits for the one before.
TEST_P(condition_test, race) {
  run_on(GetParam(), [] {
    mutex m;
    condition_variable c;
    int x = 0;
    tasks all;
    all.start([&] {
      lock l(m);
      x = 1;
      c.wait(l, [&] { return x != 1; });
      EXPECT_EQ(x, 2);
      x = 3;
      c.notify_all();
    });
    all.start([&] {
      lock l(m);
      for (;;) {
        if (x == 1) {
          x = 2;
          c.notify_all();
          return;
        }
        l.unlock();
        yield();
        l.lock();
      }
    });
    all.start([&] {
      lock l(m);
      c.wait(l, [&] { return x == 3; });
      x = 4;
    });
  });
}

// Go: TestCondSignalStealing. One that waits is not passed over for one that comes after the notification.
TEST_P(condition_test, signal_stealing) {
  run_on(GetParam(), [] {
    for (int round = 0; round < 200; ++round) {
      mutex m;
      condition_variable c;
      std::atomic<bool> first_waits = false, first_done = false;
      tasks all;
      all.start([&] {
        lock l(m);
        first_waits = true;
        c.wait(l);
        first_done = true;
      });
      EXPECT_TRUE(eventually([&] { return first_waits && m.try_lock(); }));
      m.unlock();
      all.start([&] {
        lock l(m);
        c.notify_one();
      });
      all.start([&] {
        lock l(m);
        c.wait_for(l, 1ms);
      });
      EXPECT_TRUE(eventually([&] {
        if (!first_done)
          c.notify_one();
        return first_done.load();
      }));
      c.notify_all();
    }
  });
}

TEST_P(condition_test, deadlines) {
  run_on(GetParam(), [] {
    mutex m;
    condition_variable c;
    lock l(m);
    EXPECT_EQ(c.wait_for(l, 100us), std::cv_status::timeout);
    EXPECT_TRUE(l.owns_lock());
    EXPECT_FALSE(c.wait_until(l, std::chrono::system_clock::now() + 100us, [] { return false; }));
    EXPECT_TRUE(c.wait_for(l, 0s, [] { return true; }));
    bool done = false;
    tasks all;
    all.start([&] {
      const lock other(m);
      done = true;
      c.notify_one();
    });
    EXPECT_TRUE(c.wait_for(l, 10min, [&] { return done; }));
    l.unlock();
  });
}

// Notifications, deadlines and requests to stop end the same waits.
TEST_P(condition_test, everything_at_once) {
  run_on(GetParam(), [] {
    mutex m;
    condition_variable c;
    std::atomic<int> left = 12;
    tasks all;
    all.start_many(12, [&](int number) {
      for (int i = 0; i < 200; ++i) {
        stop_source source(std::chrono::microseconds((i * 11 + number * 17) % 150 + 1));
        tasks stopper;
        if (i % 3 == 0)
          stopper.start([&] { source.request_stop(); });
        lock l(m);
        c.wait_for(l, source.get_token(), std::chrono::microseconds((i * 7 + number * 13) % 150), [] { return false; });
        EXPECT_TRUE(l.owns_lock());
        l.unlock();
      }
      --left;
    });
    while (left != 0) {
      c.notify_one();
      yield();
      c.notify_all();
      yield();
    }
  });
}

TEST_P(condition_test, requests_to_stop) {
  run_on(GetParam(), [] {
    mutex m;
    condition_variable c;
    stop_source source;
    tasks all;
    all.start_many(10, [&](int) {
      lock l(m);
      EXPECT_FALSE(c.wait(l, source.get_token(), [] { return false; }));
      EXPECT_TRUE(l.owns_lock());
    });
    let_others_run();
    source.request_stop();
    all.wait();
    lock l(m);
    EXPECT_FALSE(c.wait(l, source.get_token(), [] { return false; })); // it was requested before
    EXPECT_TRUE(c.wait(l, source.get_token(), [] { return true; }));
  });
}

TEST_P(condition_test, with_any_lock_and_from_any_thread) {
  run_on(GetParam(), [] {
    shared_mutex m;
    condition_variable c;
    bool done = false;
    std::thread other([&] {
      std::this_thread::sleep_for(2ms);
      while (!m.try_lock())
        std::this_thread::yield();
      done = true;
      m.unlock();
      c.notify_all();
    });
    std::shared_lock l(m);
    c.wait(l, [&] { return done; });
    l.unlock();
    m.lock();
    EXPECT_EQ(c.wait_for(m, 10us), std::cv_status::timeout); // the mutex itself
    m.unlock();
    other.join();
  });
}

// As soon as all are notified it may go.
TEST_P(condition_test, destroyed_by_who_notified) {
  run_on(GetParam(), [] {
    mutex m;
    for (int round = 0; round < 200; ++round) {
      auto c = std::make_unique<condition_variable>();
      int waiting = 0;
      tasks all;
      all.start_many(3, [&, c = c.get()](int) {
        lock l(m);
        ++waiting;
        c->wait(l);
      });
      EXPECT_TRUE(eventually([&] { return lock(m), waiting == 3; }));
      c->notify_all();
      c.reset();
    }
  });
}

TEST(condition_outside_test, waits_need_a_task) {
  condition_variable c;
  mutex m;
  c.notify_one();
  lock l(m);
  EXPECT_THROW(c.wait(l), std::logic_error);
  EXPECT_TRUE(l.owns_lock());
}

} // namespace
} // namespace stillpoint::test
