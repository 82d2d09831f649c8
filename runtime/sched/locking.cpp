// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Tasks locked to a thread: see stillpoint/thread.hpp.
//
// Mechanism: task::locked_to names the worker, os_thread::locked counts its tasks. A worker with a count runs only those; they wait in the
// queues like all others, and whoever picks one hands its processor over (bound.cpp). Several tasks of one thread are switched without the
// kernel, by the ordinary loop on that thread.
// Invariants: task::locked_to is written by the task itself, or while it is parked with its context saved; a count is not zero as long as a task
// names the worker, so that thread does not end. Rejected: refusing to lock while other tasks are bound to the thread by a pinned stop (they
// run there until they come to another point).
#include "sched/locking.h"

#include "sched/park.h"
#include "stillpoint/thread.hpp"

namespace stillpoint {
namespace rt::sched {
namespace {

void lock_to(task &t, worker &w) noexcept {
  t.locked_to = &w;
  t.lock_depth = 1;
  thread_of(w).locked.fetch_add(1, std::memory_order_relaxed);
}

struct wish {
  task *other;
  void (*commit)(void *) noexcept;
  void *argument;
};

bool commit_lock(task &t, void *argument) noexcept {
  const wish w = *static_cast<const wish *>(argument);
  lock_to(t, *w.other->locked_to);
  w.commit(w.argument);
  return false; // runnable: whoever picks it hands it to that thread
}

} // namespace

void lock_to_thread_of(worker &w, const managed_caller &caller, task &other, void (*commit)(void *) noexcept, void *argument) noexcept {
  wish wanted{&other, commit, argument};
  park(w, caller, commit_lock, &wanted);
}

} // namespace rt::sched

void lock_os_thread() {
  rt::worker &w = rt::sched::require_task("lock_os_thread()");
  rt::task &t = *w.current;
  if (t.lock_depth != 0)
    ++t.lock_depth;
  else
    rt::sched::lock_to(t, w);
}

void unlock_os_thread() {
  rt::worker &w = rt::sched::require_task("unlock_os_thread()");
  rt::task &t = *w.current;
  if (t.lock_depth == 0 || --t.lock_depth != 0)
    return;
  t.locked_to = nullptr;
  rt::thread_of(w).locked.fetch_sub(1, std::memory_order_relaxed);
}

bool this_task::is_locked_to_os_thread() noexcept {
  const rt::worker *const w = rt::this_worker();
  return w && w->current && w->current->lock_depth != 0;
}

} // namespace stillpoint
