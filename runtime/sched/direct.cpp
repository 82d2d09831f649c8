// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Switching straight from a task to the next one, without the scheduler's loop in between.
//
// Problem: two tasks that hand something back and forth switch all the time, and a turn of the loop, with the clock, the timers, two switches of stacks
// and a full fence, costs more than what they do. Mechanism: a task that leaves lightly (yield, channels, locks) takes the next task from the
// queues itself and switches to it; that one, once it is on its own stack, does what the other left to be done: to push it into a queue, to
// give back the lock under which it waits, or to take back its stack if it has ended. The processor counts as active all the time.
//
// Invariants: as in worker.cpp, nobody finds a task in a queue or on a list before its context is saved. Tasks that follow each other so share one
// slice, and after `most` of them the loop has its turn: timers, the network, the global queue and the clock wait no longer than that. A world that
// shall stop is seen there as well; until then its stopper finds the processor active and asks the task that runs.
// Rejected: doing it for every departure (commits that collect garbage want the scheduler's stack).
#include "sched/scheduler.h"
#include "sched/tasks.h"
#include "sched/world.h"

#include <utility>

namespace stillpoint::rt::sched {
namespace {

constexpr unsigned most = 16;

bool the_loop_is_wanted(os_thread &w) noexcept {
  const scheduler &s = *w.owner;
  return ++w.direct_switches % most == 0 || world::wanted(s) || s.stopping.load(std::memory_order_relaxed) ||
         (w.leaving.why == departure::reason::finished && w.locked.load(std::memory_order_relaxed) != 0);
}

// New, or left by a call of leave() on this thread, and needed nowhere else.
bool resumes_here(const os_thread &w, const task &t) noexcept {
  const worker *const only = bound_to(t);
  return (t.last_worker == &w || !t.last_worker) && (only == &w || (!only && !keeps_to_its_own(w)));
}

} // namespace

bool leave_directly(os_thread &w, task &t) noexcept {
  if (the_loop_is_wanted(w))
    return false;
  processor &p = *w.held;
  task *const next = pick(p, p.started.load(std::memory_order_relaxed));
  if (!next)
    return false;
  if (!resumes_here(w, *next)) {
    w.picked = next;
    return false;
  }
  change_state(*next, task_state::runnable, task_state::running);
  p.turns.store(p.turns.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  next->preempt_requested.store(false, std::memory_order_relaxed);
  p.running.store(next, std::memory_order_release); // pairs with the monitor's acquire
  w.left = &t;
  preempt::change_task(w, t, *next);
  begin_turn(w, *next);
  arch::__stillpoint_switch_context(&t.context, next->context);
  settle_left(thread_of(*this_worker()));
  return true;
}

void settle_left(os_thread &w) noexcept {
  task *const t = std::exchange(w.left, nullptr);
  if (!t)
    return;
  processor &p = *w.held;
  const departure d = w.leaving;
  if (d.why == departure::reason::parked) {
    t->waiting_since = p.started.load(std::memory_order_relaxed);
    return settle_parked(p, *t, d);
  }
  if (d.why == departure::reason::finished)
    return recycle_task(*t);
  change_state(*t, task_state::running, task_state::runnable);
  push_local(p, *t);
  arm(p);
}

} // namespace stillpoint::rt::sched
