// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Stopping the world: under spinning, yielding, sleeping, locking and newborn tasks nothing moves until it is started again. This program is
// managed: its tasks can be stopped anywhere.
#include "park_here.h"
#include "sched/world.h"
#include "support.h"

#include <array>
#include <atomic>
#include <mutex>
#include <thread>
#include <vector>

namespace {

using namespace stillpoint;
using namespace stillpoint::test;
using namespace std::chrono_literals;

constexpr std::uint64_t patience = 10'000'000'000;

struct wish {
  void (*while_stopped)(void *context, rt::processor &self) = nullptr;
  void *context = nullptr;
  std::uint64_t patience_ns = patience;
  bool reached = false;
};

bool commit_stop(rt::task &, void *argument) noexcept {
  auto &w = *static_cast<wish *>(argument);
  rt::processor &self = *rt::this_worker()->held;
  w.reached = rt::world::stop(self, w.patience_ns);
  if (w.reached) {
    if (w.while_stopped)
      w.while_stopped(w.context, self);
    rt::world::start(self);
  }
  return false; // go on
}

// The calling task parks, and its worker stops the world.
template <class F>
bool with_world_stopped(F f, std::uint64_t patience_ns = patience) {
  wish w;
  w.while_stopped = [](void *context, rt::processor &self) { (*static_cast<F *>(context))(self); };
  w.context = &f;
  w.patience_ns = patience_ns;
  park_here(commit_stop, &w);
  return w.reached;
}

// Tasks that run until told to stop; each counts what it does.
struct company {
  std::atomic<bool> stop{false};
  std::array<std::atomic<std::uint64_t>, 16> turns{};
  std::mutex mutex;
  wait_group running;

  template <class F>
  void add(unsigned index, F step) {
    running.add(1);
    go([this, index, step] {
      while (!stop.load(std::memory_order_relaxed)) {
        step();
        turns[index].store(turns[index].load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
      }
      running.done();
    });
  }
  // A loop that nobody but a signal gets in.
  static void spin() {
    for (unsigned i = 0; i < 1000; ++i)
      asm volatile("" ::: "memory");
  }
  void add_all() {
    for (unsigned i = 0; i < 3; ++i)
      add(i, [] { spin(); });
    add(3, [] { yield(); });
    add(4, [] { sleep_for(50us); });
    add(5, [this] {
      const std::scoped_lock held(mutex);
      spin();
    });
    add(6, [] {
      wait_group born;
      born.add(3);
      for (int i = 0; i < 3; ++i)
        go([&born] {
          spin();
          born.done();
        });
      born.wait();
    });
  }
  void end() {
    stop.store(true);
    running.wait();
  }
  std::uint64_t sum() const {
    std::uint64_t all = 0;
    for (const auto &t : turns)
      all += t.load(std::memory_order_relaxed);
    return all;
  }
};

// Short slices: who stops the world queues behind the others.
class world_test : public on_processors {
  const with_variable slice_{"STILLPOINT_SLICE", "100us"};
};
STILLPOINT_ON_PROCESSORS(world_test);

TEST_P(world_test, nothing_moves_while_it_is_stopped) {
  run_on(GetParam(), [] {
    company c;
    c.add_all();
    sleep_for(5ms);
    unsigned moved = 0, reached = 0;
    for (int i = 0; i < 50; ++i) {
      reached += with_world_stopped([&](rt::processor &) {
        const std::uint64_t before = c.sum();
        std::this_thread::sleep_for(200us);
        moved += c.sum() != before;
      });
      yield();
    }
    const std::uint64_t before = c.sum();
    EXPECT_TRUE(eventually([&] { return c.sum() > before + 1000; })) << "nothing runs any more";
    c.end();
    EXPECT_EQ(reached, 50u);
    EXPECT_EQ(moved, 0u);
  });
}

TEST_P(world_test, every_task_is_seen_with_a_stack_that_nobody_uses) {
  run_on(GetParam(), [] {
    company c;
    c.add_all();
    unsigned unwalkable = 0, least = ~0u;
    for (int i = 0; i < 200; ++i) {
      with_world_stopped([&](rt::processor &self) {
        struct seen {
          unsigned tasks = 0, bad = 0;
        } s;
        rt::world::each_task(
            *self.owner,
            [](void *context, rt::task &t) {
              auto &sum = *static_cast<seen *>(context);
              ++sum.tasks;
              // Its context is saved: what switch_context pops ends in a return address.
              const auto sp = reinterpret_cast<std::uintptr_t>(t.context);
              sum.bad += sp < t.stack_low || sp >= t.stack_high || t.state.load() == rt::task_state::dead;
            },
            &s);
        unwalkable += s.bad;
        least = std::min(least, s.tasks);
      });
      yield();
    }
    c.end();
    EXPECT_EQ(unwalkable, 0u);
    EXPECT_GE(least, 1u);
  });
}

TEST_P(world_test, several_want_to_stop_it) {
  run_on(GetParam(), [] {
    constexpr unsigned stoppers = 5;
    company c;
    c.add_all();
    std::atomic<unsigned> inside{0}, together{0}, reached{0};
    wait_group done;
    done.add(stoppers);
    for (unsigned n = 0; n < stoppers; ++n)
      go([&] {
        for (int i = 0; i < 100; ++i) {
          reached += with_world_stopped([&](rt::processor &) {
            together += inside.fetch_add(1) != 0;
            company::spin();
            inside.fetch_sub(1);
          });
          if (i % 3 == 0)
            yield();
        }
        done.done();
      });
    done.wait();
    c.end();
    EXPECT_EQ(together.load(), 0u);
    EXPECT_EQ(reached.load(), stoppers * 100);
  });
}

TEST_P(world_test, a_task_in_a_foreign_call_is_waited_for) {
  if (GetParam() == 1)
    GTEST_SKIP() << "who stops is on another processor";
  run_on(GetParam(), [] {
    std::atomic<bool> inside{false}, leave{false}, left{false};
    go([&] {
      inside = true;
      while (!leave) { // a request finds it in foreign code most of the time
        std::this_thread::sleep_for(20ms);
        for (int i = 0; i < 2000; ++i)
          company::spin();
      }
      left = true;
    });
    ASSERT_TRUE(eventually([&] { return inside.load(); }));
    bool left_before_stop = true;
    const bool reached = with_world_stopped([&](rt::processor &) { left_before_stop = left; }, 30'000'000'000);
    EXPECT_TRUE(reached) << "it comes out of its call every 20 ms";
    EXPECT_FALSE(left_before_stop);
    leave = true;
    EXPECT_TRUE(eventually([&] { return left.load(); }));
  });
}

TEST_P(world_test, patience_ends) {
  if (GetParam() == 1)
    GTEST_SKIP() << "who stops is on another processor";
  run_on(GetParam(), [] {
    std::atomic<bool> inside{false}, left{false};
    go([&] {
      preempt_disable();
      inside = true;
      const auto until = std::chrono::steady_clock::now() + 300ms;
      while (std::chrono::steady_clock::now() < until)
        company::spin();
      left = true;
      preempt_enable();
    });
    ASSERT_TRUE(eventually([&] { return inside.load(); }));
    const auto failures = read_metrics().world_stop_failures;
    EXPECT_FALSE(with_world_stopped([](rt::processor &) {}, 20'000'000));
    EXPECT_EQ(read_metrics().world_stop_failures, failures + 1);
    EXPECT_TRUE(eventually([&] { return left.load(); })) << "it is not stopped for good";
    EXPECT_TRUE(with_world_stopped([](rt::processor &) {}));
  });
}

// Work for helpers: chunks that anyone may take.
std::atomic<int> chunks{0}, chunks_done{0}, helped_running{0};
std::atomic<unsigned> helped_beside_tasks{0};

bool take_chunk(rt::processor &p, bool stopped) noexcept {
  for (unsigned i = 0; stopped && i < p.owner->count; ++i) // `running` is also announced by those who look and then rest
    if (rt::worker *const w = p.owner->processors[i].self)
      if (rt::task *const t = std::atomic_ref(w->current).load()) // one whose registers the handler has saved may be on its way off still
        helped_beside_tasks += std::atomic_ref(t->interrupted).load() == 0;
  int left = chunks.load();
  while (left > 0)
    if (chunks.compare_exchange_weak(left, left - 1)) {
      std::this_thread::sleep_for(100us);
      ++chunks_done;
      helped_running += !stopped;
      return true;
    }
  return false;
}

TEST_P(world_test, workers_help_while_it_is_stopped_and_while_they_are_idle) {
  if (GetParam() == 1)
    GTEST_SKIP() << "who stops is on another processor";
  rt::world::set_helper(take_chunk);
  run_on(GetParam(), [] {
    for (int i = 0; i < 20; ++i) {
      company c;
      if (i % 2 == 0)
        c.add_all(); // else the others are idle
      const bool reached = with_world_stopped([&](rt::processor &self) {
        chunks_done = 0;
        chunks = 10;
        rt::world::call_helpers(*self.owner);
        for (int n = 0; n < 20'000 && chunks_done != 10; ++n)
          std::this_thread::sleep_for(1ms);
      });
      EXPECT_TRUE(reached);
      EXPECT_EQ(chunks_done.load(), 10);
      c.end();
      // While the world runs.
      chunks_done = 0;
      chunks = 10;
      rt::world::call_helpers(*rt::sched::active());
      EXPECT_TRUE(eventually([] { return chunks_done == 10; }));
    }
  });
  rt::world::set_helper(nullptr);
  EXPECT_EQ(helped_beside_tasks.load(), 0u);
  EXPECT_GT(helped_running.load(), 0);
}

std::atomic<unsigned> hook_calls{0}, hook_stops{0};

TEST_P(world_test, the_hook_may_stop_it_after_a_preemption) {
  rt::world::set_preempted_hook([](rt::processor &p) noexcept {
    ++hook_calls;
    if (rt::world::stop(p, patience)) {
      ++hook_stops;
      rt::world::start(p);
    }
  });
  hook_calls = hook_stops = 0;
  run_on(GetParam(), [] {
    company c;
    for (unsigned i = 0; i < 12; ++i)
      c.add(i, [] { company::spin(); });
    EXPECT_TRUE(eventually([] { return hook_stops > 20; }));
    c.end();
  });
  rt::world::set_preempted_hook(nullptr);
  EXPECT_LE(hook_stops.load(), hook_calls.load());
}

TEST_P(world_test, runs_end_under_stops) {
  for (int i = 0; i < 30; ++i)
    run_on(GetParam(), [] {
      static std::atomic<unsigned> started;
      started = 0;
      for (int n = 0; n < 4; ++n)
        go([] {
          ++started;
          for (;;)
            with_world_stopped([](rt::processor &) { company::spin(); });
        });
      eventually([] { return started == 4; });
      sleep_for(1ms);
    });
}

} // namespace
