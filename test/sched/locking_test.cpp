// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Tasks locked to their threads: they stay there, others keep off, and a thread ends with a task that ends locked. Several tasks of one thread
// take turns. This program is managed: its tasks can be stopped anywhere. Cases of Go's runtime/proc_test.go: TestLockOSThreadNesting,
// TestLockOSThreadExit, TestLockOSThreadAvoidsStatePropagation.
#include "sched/locking.h"
#include "sched/park.h"
#include "support.h"

#include <array>
#include <atomic>
#include <mutex>
#include <set>
#include <stdexcept>
#include <thread>
#include <unistd.h>
#include <utility>

namespace {

using namespace stillpoint;
using namespace stillpoint::test;
using namespace std::chrono_literals;

class locking_test : public on_processors {
  const with_variable slice_{"STILLPOINT_SLICE", "200us"};
};
STILLPOINT_ON_PROCESSORS(locking_test);

void spin(unsigned turns = 1000) {
  for (unsigned i = 0; i < turns; ++i)
    asm volatile("" ::: "memory");
}

TEST_P(locking_test, nesting) {
  run_on(GetParam(), [] {
    EXPECT_FALSE(this_task::is_locked_to_os_thread());
    unlock_os_thread(); // without effect
    for (int i = 0; i < 3; ++i)
      lock_os_thread();
    for (int i = 0; i < 3; ++i) {
      EXPECT_TRUE(this_task::is_locked_to_os_thread());
      unlock_os_thread();
    }
    EXPECT_FALSE(this_task::is_locked_to_os_thread());
    {
      const os_thread_guard locked;
      EXPECT_TRUE(this_task::is_locked_to_os_thread());
    }
    EXPECT_FALSE(this_task::is_locked_to_os_thread());
  });
  EXPECT_THROW(lock_os_thread(), std::logic_error);
  EXPECT_THROW(unlock_os_thread(), std::logic_error);
}

TEST_P(locking_test, each_stays_on_its_thread_and_alone) {
  run_on(GetParam(), [] {
    constexpr int locked = 6, others = 6;
    std::atomic<bool> stop = false;
    std::atomic<int> moved = 0, intruders = 0;
    std::mutex mutex;
    std::set<int> theirs;
    wait_group ready, ended;
    for (int n = 0; n < locked; ++n) {
      ready.add();
      ended.add();
      go([&, n] {
        const os_thread_guard here;
        const int thread = gettid();
        {
          const std::scoped_lock held(mutex);
          EXPECT_TRUE(theirs.insert(thread).second) << "two tasks locked to one thread";
        }
        ready.done();
        while (!stop) {
          spin(5000);
          moved += gettid() != thread;
          if (n % 3 == 0)
            yield();
          else if (n % 3 == 1)
            sleep_for(100us);
          moved += gettid() != thread;
        }
        {
          const std::scoped_lock held(mutex);
          theirs.erase(thread);
        }
        ended.done(); // main's variables may be gone from here on
      });
    }
    ready.wait();
    for (int n = 0; n < others; ++n) {
      ended.add();
      go([&, n] {
        while (!stop) {
          spin(5000);
          {
            const std::scoped_lock held(mutex);
            intruders += static_cast<int>(theirs.count(gettid()));
          }
          if (n % 2 == 0)
            yield();
          else
            sleep_for(50us);
        }
        ended.done();
      });
    }
    sleep_for(100ms);
    stop = true;
    ended.wait();
    EXPECT_EQ(moved, 0);
    EXPECT_EQ(intruders, 0);
  });
}

// The others wait without an eye on the time when it sets its timer and leaves its thread with nothing to do.
TEST_P(locking_test, a_locked_task_sleeps_while_all_are_idle) {
  run_on(GetParam(), [] {
    wait_group ended;
    ended.add();
    go([&] {
      const os_thread_guard here;
      for (int i = 0; i < 100; ++i)
        sleep_for(i % 2 == 0 ? 50us : 500us);
      ended.done();
    });
    ended.wait();
  });
}

// Never more at the same time than processors.
TEST_P(locking_test, they_share_the_processors) {
  run_on(GetParam(), [] {
    std::atomic<int> running = 0, most = 0;
    std::atomic<bool> stop = false;
    std::array<std::atomic<int>, 5> turns{};
    wait_group ended;
    for (unsigned n = 0; n < turns.size(); ++n) {
      ended.add();
      go([&, n] {
        lock_os_thread();
        while (!stop) {
          preempt_disable(); // counted only while it runs
          const int now = ++running;
          for (int seen = most; seen < now && !most.compare_exchange_weak(seen, now);)
            ;
          spin();
          --running;
          preempt_enable();
          ++turns[n];
        }
        unlock_os_thread();
        ended.done();
      });
    }
    EXPECT_TRUE(eventually([&] {
      for (auto &t : turns)
        if (t < 10)
          return false;
      return true;
    })) << "one of them starves";
    stop = true;
    ended.wait();
    EXPECT_LE(most.load(), static_cast<int>(processors()));
  });
}

bool thread_exists(int thread) { return access(("/proc/self/task/" + std::to_string(thread)).c_str(), F_OK) == 0; }

TEST_P(locking_test, a_thread_ends_with_its_locked_task) {
  run_on(GetParam(), [] {
    for (int i = 0; i < 10; ++i) {
      std::atomic<int> thread = 0;
      go([&] {
        lock_os_thread();
        sleep_for(10us);
        thread = gettid();
      });
      EXPECT_TRUE(eventually([&] { return thread != 0 && !thread_exists(thread); }));
    }
    EXPECT_EQ(rt::sched::active()->threads_ended.load(), 10u);
  });
}

// One task waits in it. Its lock is the runtime's, which managed code may not be stopped with.
class mailbox {
public:
  void post() {
    const preempt_guard whole;
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
    const preempt_guard whole;
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
  // The caller is locked to the thread of the task that waits here. False: none does.
  bool join() STILLPOINT_UNCHECKED_LOCKING {
    const preempt_guard whole;
    rt::worker &w = rt::sched::require_task("join()");
    lock_.acquire();
    if (!waiter_ || !rt::sched::is_locked(*waiter_)) {
      lock_.release();
      return false;
    }
    rt::sched::lock_to_thread_of(w, {}, *waiter_, give_back, &lock_);
    return true;
  }

private:
  static void give_back(void *lock) noexcept STILLPOINT_UNCHECKED_LOCKING { static_cast<rt::lock *>(lock)->release(); }
  static bool unlock(rt::task &, void *lock) noexcept STILLPOINT_UNCHECKED_LOCKING {
    static_cast<rt::lock *>(lock)->release();
    return true;
  }
  rt::lock lock_;
  int posted_ = 0;
  rt::task *waiter_ = nullptr;
};

// The server on a locked thread, called by tasks that are not.
TEST_P(locking_test, a_server_on_a_locked_thread) {
  run_on(GetParam(), [] {
    constexpr int rounds = 2'000;
    mailbox requests, answers;
    int server = 0, wrong = 0;
    wait_group ended;
    ended.add();
    go([&] {
      lock_os_thread();
      server = gettid();
      for (int i = 0; i < rounds; ++i) {
        requests.take();
        wrong += gettid() != server;
        answers.post();
      }
      ended.done();
    });
    for (int i = 0; i < rounds; ++i) {
      requests.post();
      answers.take();
      wrong += gettid() == server;
    }
    ended.wait();
    EXPECT_EQ(wrong, 0);
  });
}

TEST_P(locking_test, several_tasks_on_one_thread) {
  run_on(GetParam(), [] {
    constexpr int tasks = 5;
    mailbox anchor;
    std::atomic<int> home = 0, wrong = 0;
    std::atomic<bool> stop = false;
    std::array<std::atomic<int>, tasks> turns{};
    wait_group ended;
    ended.add();
    go([&] {
      const os_thread_guard here;
      home = gettid();
      anchor.take();
      wrong += gettid() != home;
      ended.done();
    });
    for (int n = 0; n < tasks; ++n) {
      ended.add();
      go([&, n] {
        while (!anchor.join())
          yield();
        while (!stop) {
          wrong += gettid() != home;
          spin(3000);
          if (n == 1)
            yield();
          if (n == 2)
            sleep_for(30us);
          ++turns[n];
        }
        wrong += gettid() != home;
        unlock_os_thread();
        ended.done();
      });
    }
    EXPECT_TRUE(eventually([&] {
      wrong += home != 0 && gettid() == home;
      for (auto &t : turns)
        if (t < 20)
          return false;
      return true;
    })) << "they take turns, and leave some to others";
    stop = true;
    anchor.post();
    ended.wait();
    EXPECT_EQ(wrong, 0);
  });
}

// A task that shares the caller's thread answers what is posted until it is told to end.
class companion {
public:
  companion() {
    ended_.add();
    go([this] {
      const os_thread_guard here;
      for (requests.take(); !ends_; requests.take())
        answer();
      ended_.done();
    });
    while (!requests.join())
      yield();
  }
  virtual ~companion() {
    ends_ = true;
    requests.post();
    ended_.wait();
    unlock_os_thread();
  }
  companion(const companion &) = delete;
  companion &operator=(const companion &) = delete;

  mailbox requests;

private:
  virtual void answer() = 0;
  std::atomic<bool> ends_ = false;
  wait_group ended_;
};

// Nobody else could run either of them.
TEST(locking_shared, two_of_one_thread_wake_nobody_else) {
  run_on(2, [] {
    struct echo final : companion {
      void answer() override { answers.post(); }
      mailbox answers;
    } other;
    const rt::scheduler &s = *rt::sched::active();
    EXPECT_TRUE(eventually([&] { return s.idle_count == 1 && s.spinning == 0; }));
    constexpr int enough = 2'000; // in a row: now and then something else wakes it, as the end of a slice
    const auto limit = std::chrono::steady_clock::now() + 30s;
    int quiet = 0;
    std::uint64_t stolen = 0;
    while (quiet < enough && std::chrono::steady_clock::now() < limit) {
      other.requests.post();
      other.answers.take();
      const std::uint64_t steals = s.steals;
      const bool came = steals != stolen || s.idle_count != 1 || s.spinning != 0;
      stolen = steals;
      quiet = came ? 0 : quiet + 1;
    }
    EXPECT_EQ(quiet, enough);
  });
}

// Whoever is idle cannot run it: the one who woke it has to give way, long before its slice is over.
TEST(locking_shared, who_wakes_one_of_its_thread_and_goes_on_gives_way) {
  const with_variable slice("STILLPOINT_SLICE", "1000s");
  run_on(2, [] {
    struct flag final : companion {
      void answer() override { seen = true; }
      std::atomic<bool> seen = false;
    } other;
    const rt::scheduler &s = *rt::sched::active();
    EXPECT_TRUE(eventually([&] { return s.idle_count == 1 && s.spinning == 0; }));
    const auto limit = std::chrono::steady_clock::now() + 30s;
    other.requests.post();
    while (!other.seen && std::chrono::steady_clock::now() < limit)
      spin();
    EXPECT_TRUE(other.seen);
  });
}

} // namespace
