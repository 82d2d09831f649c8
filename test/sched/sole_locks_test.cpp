// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The protocol by which locks cease to be one worker's alone (sole_locks.h, and sync/spin_lock.h on top of it), through all interleavings with a
// bounded number of switches, and stores that others see late.
//
// Mechanism: as in sole_use_test.cpp, two or three strands on contexts of their own: the worker who is alone, and others of the program. Each takes both of two
// locks, one inside the other, and counts up what they guard, by a load and a store. Checked: nothing was counted over, and nobody waits for ever.
// The protocol is given mistakes, to see that they are found.
#include "sched/sole_locks.h"

#include "sched/core.h"
#include "stillpoint/stillpoint.hpp"
#include "sync/spin_lock.h"
#include "test/sched/late_stores.h"
#include "test/sync/explorer.h"

#include <array>
#include <gtest/gtest.h>
#include <string>
#include <thread>
#include <utility>

namespace stillpoint::test {
namespace {

enum class mistake { none, no_barrier, does_not_wait_for_the_worker, takes_the_word_at_once };

struct scenario {
  unsigned others;
  int worker_rounds;
  mistake with = mistake::none;
};

struct strand {
  void *context = nullptr;
  bool ended = false;
  bool waits = false; // until somebody else does something
  late_stores<unsigned> late;
};

constexpr unsigned most_strands = 3;
constexpr int most_switches = 3;
constexpr int most_steps = 1000; // of a run: then somebody waits for ever
constexpr std::size_t stack_size = 32 << 10;

class model;
model *current = nullptr;

class model {
public:
  model(explorer &e, const scenario &s);
  std::string run();

  void step() { rt::arch::__stillpoint_switch_context(&running_->context, scheduler_); }
  void pause() {
    running_->waits = true;
    step();
  }
  unsigned load(const unsigned &cell) {
    step();
    return running_->late.load(cell);
  }
  void put(unsigned &cell, unsigned value) {
    step();
    running_->late.put(cell, value);
  }
  unsigned exchange(unsigned &cell, unsigned value) {
    step();
    running_->late.drain();
    return std::exchange(cell, value);
  }
  void barrier_everywhere() {
    step();
    if (scenario_.with != mistake::no_barrier)
      for (strand &s : strands_)
        s.late.drain();
  }
  const scenario &what() const { return scenario_; }

private:
  static void work(void *m);
  static void others_work(void *m);
  static void ended() {
    current->running_->ended = true;
    current->step();
  }
  void happened(const strand &by) {
    for (strand &s : strands_)
      if (&s != &by)
        s.waits = false;
  }

  explorer &explorer_;
  const scenario &scenario_;
  std::array<strand, most_strands> strands_;
  unsigned count_; // of strands
  strand *running_ = nullptr;
  void *scheduler_ = nullptr;
  int switches_ = 0; // to another than the strand whose turn it is, or to a store of any
};

struct platform {
  template <class T>
  class atomic {
  public:
    constexpr atomic(T value) : value_(value) {}
    T load(std::memory_order) const { return static_cast<T>(current->load(value_)); }
    void store(T value, std::memory_order) { current->put(value_, value); }
    T exchange(T value, std::memory_order) { return static_cast<T>(current->exchange(value_, value)); }

  private:
    unsigned value_;
  };
  using locks = rt::basic_sole_locks<platform>;
  using side = locks::side;
  static void compiler_fence() {}
  static void barrier_everywhere() { current->barrier_everywhere(); }
  static locks &sole();
  static void share();
  static void pause(atomic<std::uint32_t> &, unsigned) { current->pause(); }
};

struct shared_state {
  platform::locks sole;
  platform::side worker;
  platform::atomic<std::uint32_t> sharing{0}; // stands for the lock under which one at a time shares
  std::array<rt::sync::basic_spin_lock<platform>, 2> lock;
  std::array<unsigned, 2> guarded{};
};
shared_state *state = nullptr;

platform::locks &platform::sole() { return state->sole; }

void one_at_a_time() {
  while (state->sharing.exchange(1, std::memory_order_acquire) != 0)
    current->pause();
}

void platform::share() {
  one_at_a_time();
  state->sole.share();
  while (current->what().with != mistake::does_not_wait_for_the_worker && !locks::outside(state->worker))
    current->pause();
  state->sole.settle();
  state->sharing.store(0, std::memory_order_release);
}

void count_up(unsigned which) { current->put(state->guarded[which], current->load(state->guarded[which]) + 1); }

void one_round(platform::side *s) {
  state->lock[0].acquire(s);
  state->lock[1].acquire(s);
  count_up(1);
  state->lock[1].release(s);
  count_up(0);
  state->lock[0].release(s);
}

void model::work(void *argument) {
  one_at_a_time();
  state->worker.alone = state->sole.use();
  state->sharing.store(0, std::memory_order_release);
  for (int i = 0; i < static_cast<model *>(argument)->scenario_.worker_rounds; ++i)
    one_round(&state->worker);
}

void model::others_work(void *argument) {
  if (static_cast<model *>(argument)->scenario_.with == mistake::takes_the_word_at_once)
    state->sole.settle();
  one_round(nullptr);
}

std::array<std::array<char, stack_size>, most_strands> stacks;

model::model(explorer &e, const scenario &s) : explorer_(e), scenario_(s), count_(1 + s.others) {
  for (unsigned i = 0; i < most_strands; ++i) {
    strands_[i].ended = i >= count_;
    strands_[i].context = rt::arch::make_context(reinterpret_cast<std::uintptr_t>(stacks[i].data() + stack_size) & ~std::uintptr_t{63},
                                                 i == 0 ? work : others_work, this, ended);
  }
  current = this;
}

std::string model::run() {
  shared_state fresh;
  state = &fresh;
  for (int steps = 0; steps < most_steps; ++steps) {
    struct choice {
      strand *of;
      bool is_store; // one that it made is seen; else it makes a step
    };
    std::array<choice, 2 * most_strands> choices{};
    unsigned count = 0;
    const auto last = static_cast<unsigned>(running_ ? running_ - strands_.data() : count_ - 1);
    if (running_ && !running_->ended && !running_->waits)
      choices[count++] = {running_, false};
    for (strand &s : strands_) // before the others' steps: nobody's stores stay unseen for ever
      if (!s.late.empty())
        choices[count++] = {&s, true};
    for (unsigned i = 1; i <= count_; ++i) // those behind the last one first: two that wait for a third do not keep it out
      if (strand &s = strands_[(last + i) % count_]; &s != running_ && !s.ended && !s.waits)
        choices[count++] = {&s, false};
    if (count == 0)
      break;
    const unsigned which = switches_ == most_switches ? 0 : explorer_.choose(count);
    switches_ += which != 0;
    strand &s = *choices[which].of;
    if (choices[which].is_store) {
      s.late.show();
      for (strand &all : strands_)
        all.waits = false;
      continue;
    }
    running_ = &s;
    happened(s);
    rt::arch::__stillpoint_switch_context(&scheduler_, s.context);
  }
  for (const strand &s : strands_)
    if (!s.ended)
      return "somebody waits for ever";
  const unsigned expected = scenario_.others + static_cast<unsigned>(scenario_.worker_rounds);
  if (fresh.guarded[0] != expected || fresh.guarded[1] != expected)
    return std::to_string(fresh.guarded[0]) + " and " + std::to_string(fresh.guarded[1]) + " of " + std::to_string(expected);
  return {};
}

TEST(sole_locks_model, nobody_holds_a_lock_beside_another) {
  expect_right_in_all_runs<model>(scenario{1, 1});
  expect_right_in_all_runs<model>(scenario{1, 2});
  expect_right_in_all_runs<model>(scenario{2, 1});
}

TEST(sole_locks_model, mistakes_are_found) {
  for (const mistake m : {mistake::no_barrier, mistake::does_not_wait_for_the_worker, mistake::takes_the_word_at_once})
    EXPECT_NE(explore<model>(scenario{1, 2, m}).failure, "") << static_cast<int>(m);
}

// Runs of one processor, and threads that are none of its, on the same channel and the same group.
TEST(sole_locks, others_come_while_tasks_use_a_channel) {
  setenv("STILLPOINT_PROCS", "1", 1);
  constexpr long values = 20'000;
  constexpr int threads = 2;
  long sum = 0, of_tasks = 0;
  run([&] {
    chan<long> c(4);
    wait_group ended;
    ended.add(threads + 1);
    go([&ended, c] {
      for (long i = 1; i <= values; ++i)
        c.send(i);
      ended.done();
    });
    std::array<std::thread, threads> others;
    for (std::thread &t : others)
      t = std::thread([&] {
        for (long left = values; left != 0;)
          if (c.try_send(1))
            --left;
          else
            std::this_thread::yield();
        ended.done();
      });
    go([&, c] {
      for (const long v : c) {
        sum += v;
        ++of_tasks;
        if (of_tasks == (threads + 1) * values)
          c.close();
      }
    });
    ended.wait();
    while (of_tasks != (threads + 1) * values)
      yield();
    for (std::thread &t : others)
      t.join();
  });
  unsetenv("STILLPOINT_PROCS");
  EXPECT_EQ(of_tasks, (threads + 1) * values);
  EXPECT_EQ(sum, values * (values + 1) / 2 + threads * values);
  EXPECT_TRUE(rt::the_sole_locks.settled());
}

} // namespace
} // namespace stillpoint::test
