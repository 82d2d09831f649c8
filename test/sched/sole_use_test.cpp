// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The protocol by which a processor's queues cease to be its holder's alone (sole_use.h), through all interleavings
// with a bounded number of switches, and stores that others see late.
//
// Mechanism: two strands on contexts of their own, the holder, who takes tasks one by one, and the monitor, who takes all that are left. Each access is a
// point where the other may go on. A store goes into its strand's buffer, which reaches memory entry by entry at any time; a locked instruction and the
// barrier empty it first, as on x86. Checked: every task is taken once.
// The protocol is given mistakes, to see that they are found.
#include "sched/sole_use.h"

#include "sched/core.h"
#include "test/sched/late_stores.h"
#include "test/sync/explorer.h"

#include <array>
#include <gtest/gtest.h>
#include <string>
#include <utility>

namespace stillpoint::test {
namespace {

enum class mistake { none, no_barrier, does_not_ask_the_holder };

struct scenario {
  int tasks;
  int holder_takes;
  mistake with = mistake::none;
};

struct strand {
  void *context = nullptr;
  bool ended = false;
  late_stores<int> late;
};

constexpr int most_switches = 5;
constexpr std::size_t stack_size = 32 << 10;

class model;
model *current = nullptr;

class model {
public:
  model(explorer &e, const scenario &s);
  std::string run();

  void step() { rt::arch::__stillpoint_switch_context(&running_->context, scheduler_); }
  int load(const int &cell) {
    step();
    return running_->late.load(cell);
  }
  void put(int &cell, int value) {
    step();
    running_->late.put(cell, value);
  }
  int exchange(int &cell, int value) {
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
  void took(int count) { taken_ += count; }

  int left; // tasks in the queue
private:
  static void hold(void *m);
  static void share(void *m);
  static void ended() {
    current->running_->ended = true;
    current->step();
  }

  explorer &explorer_;
  const scenario &scenario_;
  std::array<strand, 2> strands_;
  strand *running_ = nullptr;
  void *scheduler_ = nullptr;
  int taken_ = 0;
  int switches_ = 0; // away from a strand that could go on, to the other or to a store of any
};

struct platform {
  template <class T>
  class atomic {
  public:
    constexpr atomic(T value) : value_(value) {}
    T load(std::memory_order) const { return static_cast<T>(current->load(value_)); }
    void store(T value, std::memory_order) { current->put(value_, value); }

  private:
    int value_;
  };
  static void compiler_fence() {}
  static void barrier_everywhere() { current->barrier_everywhere(); }
};

struct shared_state {
  rt::basic_sole_use<platform> sole;
  platform::atomic<bool> shared{false};
};
shared_state *state = nullptr;

void model::hold(void *argument) {
  auto &m = *static_cast<model *>(argument);
  for (int i = 0; i < m.scenario_.holder_takes; ++i)
    if (state->sole.enter(state->shared)) {
      if (const int n = m.load(m.left); n != 0) {
        m.put(m.left, n - 1);
        m.took(1);
      }
      state->sole.leave();
    } else if (const int n = m.exchange(m.left, 0); n != 0) { // stands for the compare-and-swap
      m.took(n);
    }
}

void model::share(void *argument) {
  auto &m = *static_cast<model *>(argument);
  bool alone = state->sole.end(state->shared);
  if (!alone)
    alone = state->sole.end(state->shared) || m.scenario_.with == mistake::does_not_ask_the_holder;
  if (alone)
    m.took(m.exchange(m.left, 0));
}

std::array<std::array<char, stack_size>, 2> stacks;

model::model(explorer &e, const scenario &s) : left(s.tasks), explorer_(e), scenario_(s) {
  for (int i = 0; i < 2; ++i)
    strands_[i].context = rt::arch::make_context(reinterpret_cast<std::uintptr_t>(stacks[i].data() + stack_size) & ~std::uintptr_t{63},
                                                 i == 0 ? hold : share, this, ended);
  current = this;
}

std::string model::run() {
  shared_state fresh;
  state = &fresh;
  for (;;) {
    std::array<strand *, 4> go_on{}; // a step of those; then: a store of those is seen
    unsigned count = 0;
    const bool last_can = running_ && !running_->ended;
    const bool free = !last_can || switches_ < most_switches;
    if (last_can)
      go_on[count++] = running_;
    for (strand &s : strands_)
      if (free && &s != running_ && !s.ended)
        go_on[count++] = &s;
    const unsigned steps = count;
    for (strand &s : strands_)
      if (free && !s.late.empty())
        go_on[count++] = &s;
    if (count == 0)
      break;
    const unsigned which = explorer_.choose(count);
    switches_ += last_can && which != 0;
    strand &s = *go_on[which];
    if (which >= steps) {
      s.late.show();
      continue;
    }
    running_ = &s;
    rt::arch::__stillpoint_switch_context(&scheduler_, s.context);
  }
  if (taken_ + left != scenario_.tasks)
    return std::to_string(taken_) + " taken, " + std::to_string(left) + " left of " + std::to_string(scenario_.tasks);
  return {};
}

TEST(sole_use_model, every_task_is_taken_once) {
  expect_right_in_all_runs<model>(scenario{3, 1});
  expect_right_in_all_runs<model>(scenario{3, 2});
}

TEST(sole_use_model, mistakes_are_found) {
  for (const mistake m : {mistake::no_barrier, mistake::does_not_ask_the_holder})
    EXPECT_NE(explore<model>(scenario{3, 2, m}).failure, "") << static_cast<int>(m);
}

// As the kernel has it, if it has: the test of blocked tasks with one processor goes through it.
TEST(sole_use, ends_if_the_holder_is_outside) {
  if (!rt::prepare_barriers())
    GTEST_SKIP() << "no membarrier";
  rt::sole_use u;
  std::atomic<bool> shared{false};
  ASSERT_TRUE(u.enter(shared));
  EXPECT_FALSE(u.end(shared));
  EXPECT_TRUE(shared);
  u.leave();
  EXPECT_FALSE(u.enter(shared));
  EXPECT_TRUE(u.end(shared));
}

} // namespace
} // namespace stillpoint::test
