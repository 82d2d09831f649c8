// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The heap of timers against a model of it, and cancelling on one thread what fires on another.
#include "sched/scheduler.h"
#include "support.h"

#include <atomic>
#include <deque>
#include <map>
#include <memory>
#include <random>
#include <thread>
#include <vector>

namespace stillpoint::test {
namespace {

struct recorder : rt::timer {
  explicit recorder(std::vector<recorder *> &f) : timer(record), fired(f) {}
  static void record(timer &self, rt::task_list &) noexcept {
    auto &r = static_cast<recorder &>(self);
    r.fired.push_back(&r);
  }
  std::vector<recorder *> &fired;
};

// They are taken out of the heap some at a time.
TEST(timers_test, many_at_one_time_in_their_order_and_no_more_than_asked_for) {
  std::vector<recorder *> fired;
  std::deque<recorder> many;
  rt::timers t;
  rt::task_list wake;
  for (int i = 0; i < 100; ++i)
    t.set(many.emplace_back(fired), 10);
  EXPECT_EQ(t.fire_due(10, 37, wake), 37u);
  EXPECT_EQ(t.fire_due(10, 32, wake), 32u);
  EXPECT_FALSE(t.cancel(many[68]));
  EXPECT_TRUE(t.cancel(many[69]));
  EXPECT_EQ(t.try_fire_due(10, 100, wake), 30u);
  ASSERT_EQ(fired.size(), 99u);
  for (std::size_t i = 0; i < 99; ++i)
    EXPECT_EQ(fired[i], &many[i < 69 ? i : i + 1]);
}

// Go: TestAfterQueuing (time/sleep_test.go), without a clock.
TEST(timers_test, due_by_time_then_by_order) {
  std::vector<recorder *> fired;
  recorder a(fired), b(fired), c(fired), d(fired);
  rt::timers t;
  rt::task_list wake;
  EXPECT_EQ(t.earliest(), rt::never);
  EXPECT_TRUE(t.set(a, 30));
  EXPECT_TRUE(t.set(b, 10));
  EXPECT_FALSE(t.set(c, 20));
  EXPECT_FALSE(t.set(d, 10));
  EXPECT_EQ(t.earliest(), 10u);
  EXPECT_EQ(t.fire_due(9, 10, wake), 0u);
  EXPECT_EQ(t.fire_due(20, 2, wake), 2u);
  EXPECT_EQ(fired, (std::vector{&b, &d}));
  EXPECT_EQ(t.earliest(), 20u);
  EXPECT_EQ(t.fire_due(100, 10, wake), 2u);
  EXPECT_EQ(fired, (std::vector{&b, &d, &c, &a}));
  EXPECT_EQ(t.earliest(), rt::never);
  EXPECT_TRUE(wake.empty());
}

TEST(timers_test, cancelled_ones_do_not_fire_nor_wake_anybody) {
  std::vector<recorder *> fired;
  recorder a(fired), b(fired);
  rt::timers t;
  rt::task_list wake;
  EXPECT_FALSE(t.cancel(a));
  t.set(a, 10);
  t.set(b, 20);
  EXPECT_TRUE(t.cancel(a));
  EXPECT_FALSE(t.cancel(a));
  EXPECT_EQ(t.earliest(), 20u);
  t.set(b, 5); // earlier
  EXPECT_EQ(t.earliest(), 5u);
  t.set(b, 50); // later
  EXPECT_EQ(t.earliest(), 50u);
  EXPECT_EQ(t.fire_due(49, 10, wake), 0u);
  EXPECT_EQ(t.fire_due(50, 10, wake), 1u);
  EXPECT_FALSE(t.cancel(b));
  EXPECT_EQ(t.entries(), 0u);
}

TEST(timers_test, a_timer_may_be_destroyed_where_it_fires) {
  struct self_destroying : rt::timer {
    self_destroying() : timer([](timer &self, rt::task_list &) noexcept { delete &static_cast<self_destroying &>(self); }) {}
  };
  rt::timers t;
  rt::task_list wake;
  for (std::uint64_t when = 1; when <= 10; ++when)
    t.set(*new self_destroying, when);
  EXPECT_EQ(t.fire_due(100, 100, wake), 10u);
}

// A timeout is nearly always cancelled long before its time: the heap must not keep them all.
TEST(timers_test, cancelled_ones_do_not_pile_up) {
  std::vector<recorder *> fired;
  recorder a(fired), b(fired);
  rt::timers t;
  t.set(b, 1);
  for (int i = 0; i < 100'000; ++i) {
    t.set(a, 1'000'000);
    EXPECT_TRUE(t.cancel(a));
  }
  EXPECT_LT(t.entries(), 100u);
}

// Whatever is done to them, they fire by time and then by the order in which they were set.
TEST(timers_test, like_an_ordered_map) {
  constexpr unsigned many = 500;
  std::mt19937 random(7);
  std::vector<recorder *> fired;
  std::vector<std::unique_ptr<recorder>> all;
  for (unsigned i = 0; i < many; ++i)
    all.push_back(std::make_unique<recorder>(fired));
  std::multimap<std::uint64_t, recorder *> model; // equal keys stay in the order in which they came
  std::map<recorder *, std::multimap<std::uint64_t, recorder *>::iterator> where;
  const auto forget = [&](recorder *r) {
    const auto found = where.find(r);
    if (found == where.end())
      return false;
    model.erase(found->second);
    where.erase(found);
    return true;
  };
  rt::timers t;
  rt::task_list wake;
  for (std::uint64_t now = 0, step = 0; step < 100'000; ++step) {
    recorder *const r = all[random() % many].get();
    if (const unsigned what = random() % 8; what < 4) {
      forget(r);
      const std::uint64_t when = now + random() % 200;
      t.set(*r, when);
      where[r] = model.emplace(when, r);
    } else if (what < 7) {
      ASSERT_EQ(t.cancel(*r), forget(r));
    } else {
      now += random() % 20;
      std::vector<recorder *> expected;
      while (!model.empty() && model.begin()->first <= now) {
        expected.push_back(model.begin()->second);
        forget(model.begin()->second);
      }
      fired.clear();
      t.fire_due(now, many, wake);
      ASSERT_EQ(fired, expected);
    }
    ASSERT_EQ(t.earliest(), model.empty() ? rt::never : model.begin()->first);
  }
}

// Go: TestTimerStopStress. Behind cancel() a timer is nobody's: here its memory becomes something else at once. One of the two sees each shot.
TEST(timers_test, cancelled_on_one_thread_fired_on_another) {
  constexpr int rounds = 20'000;
  struct shot : rt::timer {
    explicit shot(std::atomic<int> &f) : timer(fly), fired(f) {}
    static void fly(timer &self, rt::task_list &) noexcept { static_cast<shot &>(self).fired.fetch_add(1, std::memory_order_relaxed); }
    std::atomic<int> &fired;
  };
  std::atomic<int> fired = 0;
  int cancelled = 0;
  std::atomic<bool> stop = false;
  rt::timers t;
  std::thread other([&] {
    rt::task_list wake;
    while (!stop)
      t.fire_due(1, 4, wake);
  });
  for (int i = 0; i < rounds; ++i) {
    alignas(shot) unsigned char memory[sizeof(shot)];
    auto *const s = new (memory) shot(fired);
    t.set(*s, 1);
    for (int turn = 0; turn < i % 50; ++turn)
      __builtin_ia32_pause();
    cancelled += t.cancel(*s);
    s->~shot();
    std::fill_n(memory, sizeof memory, static_cast<unsigned char>(0xff));
  }
  stop = true;
  other.join();
  EXPECT_EQ(fired + cancelled, rounds);
}

class timers_run_test : public on_processors {};
STILLPOINT_ON_PROCESSORS(timers_run_test);

struct note : rt::timer {
  explicit note(std::atomic<bool> &d)
      : timer([](timer &self, rt::task_list &) noexcept { static_cast<note &>(self).done = true; }), done(d) {}
  std::atomic<bool> &done;
};

// Whoever sleeps until a later time is told of an earlier one: set by a task, and by a thread that is no worker.
TEST_P(timers_run_test, an_earlier_one_is_not_missed) {
  std::atomic<bool> far = false, near = false, foreign = false;
  note later(far), sooner(near), theirs(foreign);
  run_on(GetParam(), [&] {
    rt::scheduler &s = *rt::sched::active();
    rt::sched::set_timer(s, later, rt::monotonic_now() + 3'600'000'000'000);
    sleep_for(std::chrono::milliseconds(2));
    rt::sched::set_timer(s, sooner, rt::monotonic_now() + 1'000'000);
    EXPECT_TRUE(eventually([&] { return near.load(); }));
    std::thread([&] { rt::sched::set_timer(s, theirs, rt::monotonic_now() + 1'000'000); }).join();
    EXPECT_TRUE(eventually([&] { return foreign.load(); }));
    EXPECT_FALSE(rt::sched::cancel_timer(s, sooner));
    EXPECT_TRUE(rt::sched::cancel_timer(s, later));
  });
  EXPECT_FALSE(far);
}

// Nobody is there to look at the clock but an idle worker or the monitor.
TEST_P(timers_run_test, set_while_everybody_sleeps) {
  run_on(GetParam(), [&] {
    rt::scheduler &s = *rt::sched::active();
    std::atomic<bool> done = false;
    note n(done);
    std::thread other([&] {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
      rt::sched::set_timer(s, n, rt::monotonic_now() + 1'000'000);
      while (!done)
        std::this_thread::yield();
    });
    sleep_for(std::chrono::milliseconds(20));
    EXPECT_TRUE(eventually([&] { return done.load(); }));
    other.join();
  });
}

} // namespace
} // namespace stillpoint::test
