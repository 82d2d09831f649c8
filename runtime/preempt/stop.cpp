// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What happens to a task between async_preempt's saving and restoring, and what it carries from thread to thread.
//
// Problem: errno, the C++ exception globals and the floating-point control words belong to a thread, and a task changes threads.
// Mechanism: leave_task and enter_task move them between the thread and task::image, on the scheduler's stack, where the thread cannot change
// under the compiler's feet. A task that async_preempt stopped has had its errno taken by the handler and its floating-point words by the C
// half, before anything could disturb them.
// Invariants: on the scheduler's stack a thread has no caught exceptions and fresh control words. The exception globals are moved exactly once
// in each direction, so a task never sees another's.
// Rejected: a thread-local address kept in the C half (it runs on two threads; the compiler may reuse the first one's).
#include "runtime/arch/arch.h"
#include "runtime/preempt/change_task.h"
#include "runtime/preempt/deferred.h"
#include "runtime/preempt/internal.h"
#include "runtime/preempt/safe_point.h"
#include "runtime/preempt/walk.h"

#include <cerrno>
#include <cstring>
#include <cxxabi.h>

namespace stillpoint::rt::preempt {

constinit std::atomic<void (*)(std::uint64_t, std::uint64_t)> stop_observer{nullptr};

namespace {

// Out of line: its caller may have changed threads since it last knew where errno is.
[[gnu::noinline]] void set_errno_of_this_thread(int value) noexcept {
  asm volatile("" ::: "memory");
  errno = value;
}

} // namespace

void find_thread_state(worker &w) noexcept {
  w.errno_place = &errno;
  w.exception_globals = __cxxabiv1::__cxa_get_globals();
}

void leave_task(worker &w, task &t) noexcept {
  if (!t.async_stopped) {
    t.image.errno_value = *w.errno_place;
    arch::read_float_words(t.image);
  } else if (const auto observe = stop_observer.load(std::memory_order_acquire); observe != nullptr) {
    observe(w.request_time.load(std::memory_order_relaxed), now_ns());
  }
  arch::reset_float_words();
  exception_globals &globals = globals_of(w);
  t.image.caught_exceptions = globals.caught;
  t.image.uncaught_exceptions = globals.uncaught;
  globals = {};
  t.preempt_requested.store(false, std::memory_order_relaxed);
}

void enter_task(worker &w, task &t) noexcept {
  globals_of(w) = {t.image.caught_exceptions, t.image.uncaught_exceptions};
  arch::write_float_words(t.image);
  *w.errno_place = t.image.errno_value;
}

void begin_stop(worker &w, task &t, const stop_plan &plan, int errno_value, std::uintptr_t saved) noexcept {
  t.image.errno_value = errno_value;
  t.stop_is_pinned = plan.pinned;
  t.async_stopped = true;
  t.interrupted = saved;
  sched::interrupted(w); // who stops the world may look at the task's stack from here on
  count(w.counters.preemptions);
  if (plan.pinned)
    count(w.counters.pinned_preemptions);
  if (plan.vector_live)
    count(w.counters.vector_saves);
}

// On the task's stack, called by async_preempt.S, __stillpoint_returned and stop_at_call; task::async_stopped and task::interrupted are set.
extern "C" void __stillpoint_async_preempted() noexcept {
  worker &w = *this_worker();
  task &t = *w.current;
  arch::read_float_words(t.image);
  if (t.stop_is_pinned)
    t.pinned_to = &w;
  sched::reschedule_preempted(t.stop_is_pinned);
  // Perhaps on another thread. If the scheduler found nobody else to run, enter_task has not been called.
  t.pinned_to = nullptr;
  t.async_stopped = false;
  t.interrupted = 0;
  arch::write_float_words(t.image);
  set_errno_of_this_thread(t.image.errno_value);
}

namespace {

bool frames_allow(const task &t, const managed_caller &caller, bool &pinned) noexcept {
  const stack_bounds stack{t.stack_low, t.stack_high};
  if (caller.sp <= stack.low || caller.sp >= stack.high || caller.sp - stack.low < arch::injection_room(false))
    return false;
  const map::reader_scope reading(this_worker());
  return walk_callers(stack, {caller.pc, caller.sp, caller.bp}, pinned) == refusal::none;
}

} // namespace

// The call's own convention keeps every register that the caller needs, so the second half of a stop is all there is to do.
void stop_at_call(const managed_caller &caller) noexcept {
  worker *const w = this_worker();
  if (w == nullptr || w->current == nullptr || w->runtime_locks != 0)
    return;
  task &t = *w->current;
  // Acquire: pairs with request(). With asyncpreemptoff, too: then only who stops the world asks, and no signal is needed for it.
  if (!t.preempt_requested.load(std::memory_order_acquire))
    return;
  bool pinned = false;
  if (!frames_allow(t, caller, pinned))
    return;
  t.image.errno_value = errno;
  t.stop_is_pinned = pinned;
  count(w->counters.preemptions);
  if (pinned)
    count(w->counters.pinned_preemptions);
  t.caller = caller;
  t.async_stopped = true;
  __stillpoint_async_preempted();
}

} // namespace stillpoint::rt::preempt
