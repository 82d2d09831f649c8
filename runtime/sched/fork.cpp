// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// fork(). The child has the forking thread only: no other worker, no monitor.
//
// Two cases. A task forks: the child goes on as that task, may call exec or _exit and whatever needs no scheduler; a call that
// would schedule ends it with a message instead of hanging (require_task). A thread that is no worker forks: the child may begin a run()
// of its own.
// The pools' locks are held across fork, so that the child finds them free and their lists whole.
#include "sched/run.h"
#include "sched/tasks.h"
#include "stack/stack.h"

namespace stillpoint::rt::sched {
namespace {

void before_fork() noexcept {
  lock_tasks_for_fork();
  stack::lock_for_fork();
}

void after_fork_in_parent() noexcept {
  stack::unlock_after_fork();
  unlock_tasks_after_fork();
}

void after_fork_in_child() noexcept {
  after_fork_in_parent();
  if (scheduler *const s = active())
    s->forked.store(true, std::memory_order_relaxed);
  worker *const w = this_worker();
  if (w)
    w->thread_id.store(gettid(), std::memory_order_relaxed);
  else
    forget_run();
  if (!w || !w->locks.alone)
    the_sole_locks.forget(); // whoever was inside is not here
}

} // namespace

void install_fork_handlers() noexcept {
  static const int installed = pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
  static_cast<void>(installed);
}

} // namespace stillpoint::rt::sched
