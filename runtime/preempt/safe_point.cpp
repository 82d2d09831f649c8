// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See safe_point.h. The cheap conditions come first; the tables and the stack are read only when nothing else forbids the stop.
#include "runtime/preempt/safe_point.h"

#include "runtime/config.h"
#include "runtime/preempt/walk.h"

namespace stillpoint::rt::preempt {
namespace {

// Inside the task's stack, with `room` bytes to spare below.
bool has_room(const task &t, std::uintptr_t sp, std::size_t room) noexcept {
  return sp > t.stack_low && sp <= t.stack_high && sp - t.stack_low >= room;
}

} // namespace

refusal want_async_preempt(const worker &w) noexcept {
  if (config().asyncpreemptoff)
    return refusal::off;
  if (w.current == nullptr)
    return refusal::no_task;
  // Pairs with request(), which marks the task before it sends the signal.
  return w.current->preempt_requested.load(std::memory_order_acquire) ? refusal::none : refusal::not_wanted;
}

refusal is_async_safe_point(const worker &w, const task &t, const arch::walk_registers &interrupted, stop_plan &plan) noexcept {
  if (!has_room(t, interrupted.sp, arch::injection_room(false)))
    return refusal::stack;
  if (w.runtime_locks != 0)
    return refusal::runtime_lock;
  if (t.preempt_disabled != 0)
    return refusal::disabled;
  if (t.held_mutexes != 0)
    return refusal::mutex_held;

  map::point here;
  if (const refusal why = refusal_of(map::lookup(interrupted.pc, here), refusal::foreign_code); why != refusal::none)
    return why;
  if (here.kind == abi::kind_unsafe)
    return refusal::unsafe_point;
  plan.pinned = here.kind == abi::kind_pinned;
  plan.vector_live = here.vector_live;
  if (!has_room(t, interrupted.sp, arch::injection_room(plan.vector_live)))
    return refusal::stack;

  const stack_bounds stack{t.stack_low, t.stack_high};
  arch::walk_registers caller = interrupted;
  if (const refusal why = step(stack, here.frame, caller); why != refusal::none)
    return why;
  return walk_callers(stack, caller, plan.pinned);
}

} // namespace stillpoint::rt::preempt
