// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Waiting and waking, for everything that blocks a task (sleep, wait_group, and what runtime/sync will bring).
//
// Protocol: the waiter puts itself on a list under a lock and calls park(commit); `commit` runs on the scheduler's stack once the task
// can be
// resumed by anyone, and gives the lock back. So nobody finds the task on the list before it is whole, and no wake-up is lost.
#ifndef STILLPOINT_RUNTIME_SCHED_PARK_H
#define STILLPOINT_RUNTIME_SCHED_PARK_H

#include "preempt/deferred.h"
#include "sched/scheduler.h"

namespace stillpoint::rt::sched {

// For the exported functions that park (preempt/deferred.h says what it asks of them).
#define STILLPOINT_MANAGED_CALLER() STILLPOINT_CALLER_OF_THIS_FUNCTION()

// Parks the calling task until ready(). `w` is its worker; after the call the task may be on another. `what` says for what it waits, to
// whoever prints the tasks: "receive from a channel", a string that lives for ever.
void park(worker &w, const managed_caller &caller, park_commit commit, void *argument, const char *what = nullptr) noexcept;

// The same for a `commit` that does nothing but to give back a lock and put a waiter on a list: it may run on another task's stack, as that one's
// worker goes straight from task to task. direct.h has it: inlined, because each return behind a switch may be predicted wrongly.
[[gnu::always_inline]] inline void park_lightly(worker &w, const managed_caller &caller, park_commit commit, void *argument,
                                                const char *what = nullptr) noexcept;

// Wakes a parked task; it must be parked. Any thread; not for signal handlers. A task of a run() that is over stays where it is.
void ready(task &t) noexcept;

} // namespace stillpoint::rt::sched

#endif
