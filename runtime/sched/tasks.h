// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Task objects with their stacks. Invariant: a task object is never unmapped, only reused, so that the monitor and a sender of signals may
// look at one that has just ended. Rejected: counting references (an atomic at every switch for the monitor's rare look).
#ifndef STILLPOINT_RUNTIME_SCHED_TASKS_H
#define STILLPOINT_RUNTIME_SCHED_TASKS_H

#include "sched/core.h"

#include <string_view>

namespace stillpoint::rt {

struct os_thread;

[[noreturn]] void wrong_state(const task &t, task_state seen, task_state expected, task_state wanted) noexcept;

// Changes the state from `expected`; anything else means that two parties thought they owned the task: fatal. Only the owner may call it, so
// looking and writing need not be one step.
inline void change_state(task &t, task_state expected, task_state wanted) noexcept {
  const task_state seen = t.state.load(std::memory_order_acquire); // acquire and release: whoever owns the stack next sees what its last
  if (seen != expected) [[unlikely]]                               // owner did
    wrong_state(t, seen, expected, wanted);
  t.state.store(wanted, std::memory_order_release);
}

// A parked task, ready to start entry(argument) on a stack of its own; if `copied` is not 0, that many bytes are moved there from `argument`, to an
// address that 16 divides. Throws std::bad_alloc.
task &create_task(scheduler &owner, std::string_view name, std::size_t stack_size, void (*entry)(void *), void *argument,
                  std::size_t copied = 0);

// Takes back a dead task and its stack. On the scheduler's stack.
void recycle_task(task &t) noexcept;

// Gives back what a worker that ends has kept for tasks to come.
void free_spares(os_thread &w) noexcept;

// The head of the list of all task objects (task::next_all), also of those that are dead or of other runs.
task *all_tasks() noexcept;

// pthread_atfork.
void lock_tasks_for_fork() noexcept;
void unlock_tasks_after_fork() noexcept;

} // namespace stillpoint::rt

#endif
