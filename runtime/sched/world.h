// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Stopping the world: no task runs, every task's stack is at a place that the tables describe, until it is started again.
//
// Mechanism: the one who stops is a worker in its scheduler loop (a task that wants a collection parks with a park_commit that does this). It
// asks for every running task's preemption, again and again with bounded back-off; workers whose task is off, and idle ones, come to rest in
// their loop, where they call the helper while the world is stopped.
//
// Invariants: only one stop at a time; a worker in a foreign call is waited for until it returns (not idle ones); tasks that are started or
// become ready meanwhile wait in queues.
#ifndef STILLPOINT_RUNTIME_SCHED_WORLD_H
#define STILLPOINT_RUNTIME_SCHED_WORLD_H

#include "sched/scheduler.h"

namespace stillpoint::rt::world {

// On a worker's scheduler stack, not inside a task. Returns when no task of the run() runs; false if that was not reached within `patience_ns`
// (a task in a long foreign call), or if the run() is ending: then nothing is stopped any more. If another worker has stopped the world, waits
// until it is started again first. Counted in metrics: stops and the nanoseconds to them.
bool stop(processor &self, std::uint64_t patience_ns) noexcept;
void start(processor &self) noexcept;

// For threads that are no workers: from then until let_run() the scheduler's loops take up no task; tasks that run go on until they leave their
// workers by themselves. A straight switch (direct.h) that has looked at the world already may still take up one that was runnable, or that
// is woken just then: who reads a stack meanwhile must bear that it changes. False if another had the world for all of `patience_ns`.
bool hold(scheduler &s, std::uint64_t patience_ns) noexcept;
void let_run(scheduler &s) noexcept;

// What workers that rest in a stopped world do, over and over, until it returns false (nothing to do now). May be null. The same function is
// called by workers that find no task while the world runs, with `stopped` false. Set once, before the first run(). start() waits for those
// inside, so no call with `stopped` lasts beyond the stop; one without may last into it.
using helper = bool (*)(processor &p, bool stopped) noexcept;
void set_helper(helper h) noexcept;
// Wakes idle workers, and those that rest, so that they call the helper.
void call_helpers(scheduler &s) noexcept;

// Called in the scheduler's loop after a task was preempted, as if by a commit: may stop the world. For gcstress=preempt. May be null.
using preempted_hook = void (*)(processor &p) noexcept;
void set_preempted_hook(preempted_hook h) noexcept;

// Every task of the run() that has a stack to scan: the world is stopped.
using task_visitor = void (*)(void *context, task &t);
void each_task(scheduler &s, task_visitor visit, void *context) noexcept;

// Every task that is not dead, of whatever run(): the world is stopped.
void each_stack(task_visitor visit, void *context) noexcept;

// runtime/sched's part -------------------------------------------------------------------------------------------------------------------
// All on the worker's own thread and the scheduler's stack.

// Whether a worker that has just said that it is about to run a task (processor::active, then a full fence) has to rest first.
inline bool wanted(const scheduler &s) noexcept { return (s.world.load(std::memory_order_acquire) & 3) != 0; }
// Rests, not counted as active, until the world runs; the caller says again that it is active, and asks again.
void rest(processor &p) noexcept;
// Lets a worker without a task help. True: it did something, look for tasks again.
bool help(processor &p) noexcept;
void preempted(processor &p) noexcept;

} // namespace stillpoint::rt::world

#endif
