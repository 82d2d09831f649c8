// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A stop that was refused because the task held a lock, where it gives the lock back.
//
// Problem: a task that holds some mutex nearly all the time is nearly always found holding it, and would never be stopped (Go 40229).
// Mechanism: the function that ends the last reason to refuse (unlock, preempt_enable) looks whether the request is still pending. It was called by
// managed code, so the task can be stopped in the call, if the frames above allow it: the same walk as the handler's, from the return address.
// Invariants: as for any stop: no foreign frame in between, a pinned call makes it pinned. Costs one load more where nobody asks.
// Rejected: waiting for the monitor to hit the moment in between (it may be a few instructions long).
#ifndef STILLPOINT_RUNTIME_PREEMPT_DEFERRED_H
#define STILLPOINT_RUNTIME_PREEMPT_DEFERRED_H

#include "runtime/arch/arch.h"
#include "runtime/sched/core.h"

namespace stillpoint::rt::preempt {

// Whether a request is pending that nothing in the task forbids any more. `t` may be null.
inline bool wanted_and_allowed(const task *t) noexcept {
  return t != nullptr && t->preempt_requested.load(std::memory_order_relaxed) && t->held_mutexes == 0 && t->preempt_disabled == 0;
}

// Stops the calling task if its frames allow it. On the task's stack; when it returns the task may be on another thread.
void stop_at_call(const managed_caller &caller) noexcept;

// The same if somebody wants it: for functions of the runtime that take long, or that are called all the time.
inline void stop_if_wanted(const managed_caller &caller) noexcept {
  if (const worker *const w = this_worker(); w != nullptr && wanted_and_allowed(w->current)) [[unlikely]]
    stop_at_call(caller);
}

// The managed caller of the function that this stands in: its return address, RSP and RBP as they will be then, and where its callee-saved
// registers are. The function saves all of them when it begins, even where it returns early; one with a fast path jumps
// ([[clang::musttail]]) to a function of the same signature, not inlined, that does the rest and has this in it: after the jump it is the
// one that managed code called. Needs a frame pointer (the runtime is compiled with them); test/scan checks the order of the pushes.
// The stack object that somebody may look at keeps the frame where it is: no call behind it becomes a tail call.
#define STILLPOINT_CALLER_OF_THIS_FUNCTION()                                                                                               \
  (__builtin_unwind_init(), ::stillpoint::rt::preempt::show(__builtin_alloca(1)),                                                          \
   ::stillpoint::rt::preempt::caller_of(__builtin_return_address(0), __builtin_frame_address(0)))

inline void show(const void *object) noexcept { asm volatile("" : : "r"(object) : "memory"); }
inline managed_caller caller_of(void *return_address, void *frame) noexcept {
  const auto address = reinterpret_cast<std::uintptr_t>(frame);
  return {arch::true_return(reinterpret_cast<std::uintptr_t>(return_address)), address + 2 * sizeof(void *),
          *static_cast<const std::uintptr_t *>(frame), address};
}

} // namespace stillpoint::rt::preempt

#endif
