// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// When the monitor gets up next: by what it announces in scheduler::monitor_deadline, over a processor that no worker holds and that this test moves.
#include "sched/scheduler.h"
#include "sched/tasks.h"
#include "support.h"

#include <atomic>
#include <thread>

namespace stillpoint::test {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t long_slice_ns = rt::max_slice_ns; // nothing that ends after it ends during a test

rt::settings one_processor(std::uint64_t slice_ns) {
  rt::settings s;
  s.slice_ns = slice_ns;
  return s;
}

// Spins, because what waits here must not leave its processor.
template <class F>
bool in_time(F condition) {
  const auto limit = std::chrono::steady_clock::now() + 30s;
  while (!condition())
    if (std::chrono::steady_clock::now() > limit)
      return false;
  return true;
}

std::uint64_t announced_by_monitor(const rt::scheduler &s) {
  std::uint64_t when = 0;
  EXPECT_TRUE(in_time([&] { return (when = s.monitor_deadline.load(std::memory_order_seq_cst)) != 0; }));
  return when;
}

// A task whose slice is over, with nobody behind it, under a monitor.
class monitor_test : public testing::Test {
protected:
  void start(std::uint64_t slice_ns) {
    run_ = std::make_unique<rt::scheduler>(one_processor(slice_ns), 1);
    rt::processor &p = run_->processors[0];
    p.self = &worker_;
    take_turn();
    p.slice_end = rt::monotonic_now();
    monitor_ = std::thread([this] { rt::sched::monitor_loop(*run_); });
  }
  void take_turn() {
    rt::processor &p = run_->processors[0];
    p.turns.fetch_add(1, std::memory_order_relaxed);
    p.running.store(&task_, std::memory_order_release);
  }
  std::uint64_t look_again() {
    rt::sched::alarm_monitor(*run_, 1);
    return announced_by_monitor(*run_);
  }
  void TearDown() override {
    run_->monitor_stop = true;
    run_->monitor_word.fetch_add(1);
    rt::futex_wake(run_->monitor_word, 1);
    monitor_.join();
  }

  rt::os_thread worker_;
  rt::task task_;
  std::unique_ptr<rt::scheduler> run_;
  std::thread monitor_;
};

// A task that yields is in no queue for a moment, and alarms nobody when it queues: a monitor that looks just then must come again.
TEST_F(monitor_test, an_empty_queue_is_not_believed_at_once) {
  start(long_slice_ns);
  EXPECT_NE(announced_by_monitor(*run_), rt::never);
}

TEST_F(monitor_test, not_before_the_same_task_has_run_for_a_slice) {
  start(long_slice_ns);
  const std::uint64_t first = announced_by_monitor(*run_);
  EXPECT_EQ(look_again(), first);
  take_turn();
  const std::uint64_t second = look_again();
  EXPECT_GT(second, first);
  EXPECT_NE(second, rt::never);
}

// Else a program with one busy task would be disturbed for ever.
TEST_F(monitor_test, then_it_rests) {
  start(1'000'000);
  EXPECT_TRUE(in_time([&] { return run_->monitor_deadline == rt::never; }));
}

// Only a turn of the scheduler's loop looks after timers, and a task that waits may go straight to the next one, without.
TEST(monitor_timers, it_learns_of_one_that_is_set_on_the_way_to_another_task) {
  const with_variable slice("STILLPOINT_SLICE", "1000s"); // else it would get up at the end of one, and find the timer
  bool went_straight = false, fired = false;
  run_on(1, [&] {
    const rt::scheduler &s = *rt::sched::active();
    go([&] {
      went_straight = rt::thread_of(*rt::this_worker()).direct_switches != 0;
      fired = in_time([&] { return s.woken_count != 0; });
    });
    // It has seen that there is another task, and sleeps until that one's turn.
    EXPECT_TRUE(in_time([&] { return s.monitor_deadline > rt::monotonic_now() + long_slice_ns / 2; }));
    wait_group nobody;
    nobody.add();
    EXPECT_FALSE(nobody.wait_for(5ms));
    nobody.done();
  });
  EXPECT_EQ(went_straight, !rt::sanitizer::active);
  EXPECT_TRUE(fired);
}

} // namespace
} // namespace stillpoint::test
