// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Each reason to refuse, provoked by itself, with a real signal into a spinning task; and the stops that are not refused.
#include "runtime/map/registry.h"
#include "runtime/preempt/safe_point.h"
#include "stillpoint/preempt.hpp"
#include "test/preempt/fake/spinning.h"

#include <gtest/gtest.h>

namespace {

using namespace stillpoint;
using test::spinning;

void spin_in_foreign_code(void *flag) {
  auto &f = *static_cast<test::spin_flag *>(flag);
  while (f.stop == 0)
    ++f.turns;
}

void call_back(void *flag) {
  spin_safe(flag);
  asm volatile("" ::: "memory"); // no tail call
}

void disable_and_spin(void *flag) {
  const preempt_guard outer;
  {
    const preempt_guard inner;
  }
  spin_safe(flag);
}

class refusals : public testing::Test {
protected:
  // Refused for `why` and never stopped.
  static void expect(spinning &s, refusal why) {
    EXPECT_TRUE(s.refuses_with(why)) << to_string(why);
    EXPECT_EQ(s.worker->counters.preemptions, 0u);
    EXPECT_TRUE(test::eventually([&] { return s.worker->last_refusal == why; }));
    EXPECT_TRUE(s.task->preempt_requested) << "the request stays pending";
    EXPECT_TRUE(test::eventually([&] { return !s.worker->signal_in_flight; })) << "the signal is acknowledged";
  }

  test::kernel_tables tables;
};

TEST_F(refusals, none_where_everything_is_managed) {
  for (const auto entry : {spin_safe, spin_vector, call_spin, call_with_frame_pointer}) {
    spinning s(entry);
    EXPECT_TRUE(s.stops(20));
    EXPECT_EQ(s.pinned_stops, 0u);
    EXPECT_EQ(s.worker->counters.vector_saves != 0, entry == spin_vector);
  }
}

TEST_F(refusals, none_at_pinned_points_but_the_task_stays_on_its_worker) {
  for (const auto entry : {spin_pinned, call_spin_pinned}) {
    spinning s(entry);
    EXPECT_TRUE(s.stops(20));
    EXPECT_TRUE(test::eventually([&] { return s.pinned_stops >= 20; }));
    EXPECT_GE(s.worker->counters.pinned_preemptions, 20u);
    EXPECT_TRUE(s.always_pinned_to_me);
  }
}

TEST_F(refusals, off) {
  spinning s(spin_safe);
  rt::settings set = rt::config();
  set.asyncpreemptoff = true;
  rt::set_config(set);
  EXPECT_FALSE(s.request());
  EXPECT_EQ(s.worker->counters.signals_sent, 0u);
  s.task->preempt_requested = true;
  s.deliver_unasked();
  EXPECT_TRUE(test::eventually([&] { return s.refusals(refusal::off) == 1; }));
  EXPECT_EQ(s.worker->counters.preemptions, 0u);
  set.asyncpreemptoff = false;
  rt::set_config(set);
}

TEST_F(refusals, not_wanted) {
  spinning s(spin_safe);
  s.deliver_unasked();
  EXPECT_TRUE(test::eventually([&] { return s.refusals(refusal::not_wanted) == 1; }));
  EXPECT_EQ(s.worker->counters.preemptions, 0u);
}

TEST_F(refusals, no_task) {
  spinning s(spin_in_foreign_code, [](rt::worker &w, rt::task &) {
    w.signal_in_flight = true; // here, on the scheduler's stack
    ::syscall(SYS_tgkill, getpid(), w.thread_id.load(), SIGURG);
  });
  EXPECT_EQ(s.refusals(refusal::no_task), 1u);
}

TEST_F(refusals, stack_without_room) {
  spinning s(spin_safe, [](rt::worker &, rt::task &t) { t.stack_low = t.stack_high - 2048; });
  expect(s, refusal::stack);
}

TEST_F(refusals, stack_pointer_outside) {
  rt::worker w;
  rt::task t;
  t.stack_low = 0x10000;
  t.stack_high = 0x20000;
  rt::preempt::stop_plan plan;
  for (const std::uintptr_t sp : {std::uintptr_t{0}, std::uintptr_t{8}, t.stack_low - 8, t.stack_low, t.stack_high + 8, ~std::uintptr_t{7}})
    EXPECT_EQ(rt::preempt::is_async_safe_point(w, t, {0, sp, 0}, plan), refusal::stack);
}

TEST_F(refusals, runtime_lock) {
  spinning s(spin_safe, [](rt::worker &w, rt::task &) { w.runtime_locks = 1; });
  expect(s, refusal::runtime_lock);
}

TEST_F(refusals, disabled) {
  spinning s(disable_and_spin);
  expect(s, refusal::disabled);
}

TEST_F(refusals, mutex_held) {
  spinning s(spin_safe, [](rt::worker &, rt::task &t) { t.held_mutexes = 1; });
  expect(s, refusal::mutex_held);
}

TEST_F(refusals, foreign_code) {
  spinning s(spin_in_foreign_code);
  expect(s, refusal::foreign_code);
}

TEST_F(refusals, unsafe_point) {
  for (const auto entry : {spin_unsafe, call_spin_unsafe}) {
    spinning s(entry);
    expect(s, refusal::unsafe_point);
  }
}

TEST_F(refusals, foreign_frame) {
  spinning s(call_foreign, [](rt::worker &, rt::task &) {}, call_back);
  expect(s, refusal::foreign_frame);
}

TEST_F(refusals, unknown_frame) {
  for (const auto entry : {spin_unknown, call_spin_unknown}) {
    spinning s(entry);
    expect(s, refusal::unknown_frame);
  }
}

TEST_F(refusals, corrupt_table) {
  spinning s(spin_for_corruption);
  tables.spoil(spin_for_corruption);
  expect(s, refusal::corrupt_table);
  tables.mend();
  EXPECT_TRUE(s.stops(1));
}

TEST_F(refusals, deferred_to_where_preemption_is_enabled_again) {
  test::spin_flag flag;
  test::fake_worker w;
  for (const bool through_foreign_code : {false, true}) {
    flag.function = through_foreign_code ? [](void *) { preempt_enable(); asm volatile(""); } : reinterpret_cast<void (*)(void *)>(preempt_enable);
    test::fake_task t(call_foreign, &flag);
    t.control.preempt_disabled = 1;
    t.control.preempt_requested = true;
    EXPECT_EQ(w.run_to_end(t), through_foreign_code ? 0u : 1u);
  }
}

TEST_F(refusals, a_lost_signal_is_sent_again) {
  spinning s(spin_safe);
  s.worker->signal_in_flight = true; // nobody sent it
  EXPECT_TRUE(s.stops(1));
}

TEST_F(refusals, nothing_is_sent_while_one_is_in_flight) {
  spinning s(spin_safe);
  s.worker->send_time = ~std::uint64_t{0};
  s.worker->signal_in_flight = true;
  EXPECT_FALSE(s.request());
  EXPECT_EQ(s.worker->counters.signals_sent, 0u);
}

TEST_F(refusals, request_without_a_thread_is_not_in_flight) {
  rt::worker w;
  w.thread_id = 0x7fffffff;
  rt::task t;
  EXPECT_FALSE(rt::preempt::request(w, t));
  EXPECT_FALSE(w.signal_in_flight);
}

} // namespace
