// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Tasks locked to a thread: what others than lock_os_thread() need of it (lock_to_recv_os_thread).
#ifndef STILLPOINT_RUNTIME_SCHED_LOCKING_H
#define STILLPOINT_RUNTIME_SCHED_LOCKING_H

#include "sched/scheduler.h"

namespace stillpoint::rt::sched {

// Whether `t` is locked to a thread. The task itself, or who knows that it is parked and stays so.
inline bool is_locked(const task &t) noexcept { return t.locked_to != nullptr; }

// Locks the calling task, which is not locked and whose worker is `w`, to the thread that `other` is locked to, as one lock_os_thread() of
// its own; returns on that thread. `other` is parked and stays so until the call has taken effect: `commit` is called, on the scheduler's stack,
// once it has (give back there the lock that keeps `other` parked). On a task's stack; `caller` as for park().
void lock_to_thread_of(worker &w, const managed_caller &caller, task &other, void (*commit)(void *) noexcept, void *argument) noexcept;

} // namespace stillpoint::rt::sched

#endif
