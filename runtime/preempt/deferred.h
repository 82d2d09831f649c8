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

#include "runtime/sched/core.h"

namespace stillpoint::rt::preempt {

// Whether a request is pending that nothing in the task forbids any more. `t` may be null.
inline bool wanted_and_allowed(const task *t) noexcept {
  return t != nullptr && t->preempt_requested.load(std::memory_order_relaxed) && t->held_mutexes == 0 && t->preempt_disabled == 0;
}

// Stops the calling task if its frames allow it. On the task's stack; when it returns the task may be on another thread.
void stop_at_call(const managed_caller &caller) noexcept;

// The managed caller of the function that this stands in: its return address, and RSP and RBP as they will be then.
#define STILLPOINT_CALLER_OF_THIS_FUNCTION()                                                                                               \
  (::stillpoint::rt::managed_caller{reinterpret_cast<std::uintptr_t>(__builtin_return_address(0)),                                         \
                                    reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0)) + 2 * sizeof(void *),                     \
                                    *static_cast<const std::uintptr_t *>(__builtin_frame_address(0))})

} // namespace stillpoint::rt::preempt

#endif
