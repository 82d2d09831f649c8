// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Switching straight from a task to the next one, without the scheduler's loop in between.
//
// Problem: two tasks that hand something back and forth switch all the time, and a turn of the loop, with the clock, the timers, two switches of stacks
// and a full fence, costs more than what they do. Mechanism: a task that leaves lightly (yield, channels, locks, its end) takes the next task from the
// queues itself and switches to it; that one, once it is on its own stack, does what the other left to be done: to push it into a queue, to
// give back the lock under which it waits, or to take back its stack if it has ended. The processor counts as active all the time. In a header, so that
// what everybody does is one function without calls: a yield was 430 instructions, most of them to save and fetch registers.
//
// Invariants: as in worker.cpp, nobody finds a task in a queue or on a list before its context is saved. Tasks that follow each other so share one
// slice, and after `most_direct` of them the loop has its turn: timers, the network, the global queue and the clock wait no longer than that. A world that
// shall stop is seen there as well; until then its stopper finds the processor active and asks the task that runs.
// A task that yields is in no queue for a moment, and for long if the kernel stops the thread just then: who has looked meanwhile, a worker that then went
// to sleep or the monitor, has seen nothing, although as many tasks wait as before. So whoever queues it looks whether one of them has to be told.
// Rejected: doing it for every departure (commits that collect garbage want the scheduler's stack).
#ifndef STILLPOINT_RUNTIME_SCHED_DIRECT_H
#define STILLPOINT_RUNTIME_SCHED_DIRECT_H

#include "preempt/change_task.h"
#include "sched/park.h"
#include "sched/scheduler.h"
#include "sched/tasks.h"
#include "sched/world.h"

#include <utility>

namespace stillpoint::rt::sched {

inline constexpr unsigned most_direct = 64;

// On the task's stack, which has said why it leaves: counts, and says whether it may go straight to another.
inline bool goes_directly(os_thread &w) noexcept {
  const scheduler &s = *w.owner;
  return !sanitizer::active && ++w.direct_switches % most_direct != 0 && !world::wanted(s) && !s.stopping.load(std::memory_order_relaxed);
}

// Whether p's own queues are all that pick() would look at, and the chain through p.next has slice left. `w` holds p.
inline bool own_are_all(const os_thread &w, const processor &p, const task *next) noexcept {
  const scheduler &s = *p.owner;
  return (s.woken_count.load(std::memory_order_relaxed) | s.global_count.load(std::memory_order_relaxed) |
          w.bound_count.load(std::memory_order_relaxed)) == 0 &&
         !p.interrupted.load(std::memory_order_relaxed) &&
         (!next || p.started.load(std::memory_order_relaxed) < p.slice_end.load(std::memory_order_relaxed));
}

// What pick() would take, if that is simple: from p's own queues, with nobody waiting elsewhere. `w` holds p.
inline task *pick_own(const os_thread &w, processor &p) noexcept {
  task *const next = p.next.load(std::memory_order_relaxed);
  if (!own_are_all(w, p, next)) [[unlikely]]
    return nullptr;
  p.woken_streak = 0;
  if (next)
    if (task *const t = p.next.exchange(nullptr, std::memory_order_acq_rel)) // pairs with make_next and steal_slot
      return t;
  p.woken_since = p.kept_out = 0;
  return p.local.pop();
}

// Whether a task that last ran on another worker, and is bound to none, may run elsewhere; if not, it is bound to that one now. Any stack.
bool may_move(task &t) noexcept;

// Whether `w` may run it.
inline bool resumes_here(const os_thread &w, task &t) noexcept {
  if (const worker *const only = bound_to(t))
    return only == &w;
  return !keeps_to_its_own(w) && (t.last_worker == &w || !t.last_worker || may_move(t));
}

// The same for who has the queues alone: inside p.sole.
inline task *pick_alone(const os_thread &w, processor &p) noexcept {
  task *const next = p.next.load(std::memory_order_relaxed);
  if (!own_are_all(w, p, next)) [[unlikely]]
    return nullptr;
  p.woken_streak = 0;
  if (!next) {
    p.woken_since = p.kept_out = 0;
    return p.local.pop_alone();
  }
  p.next.store(nullptr, std::memory_order_release); // pairs with empty_queues, later
  return next;
}

// next_directly() for what is not simple.
task *next_by_queues(os_thread &w) noexcept;
// The same with what was picked.
task *take_picked(os_thread &w, task &next) noexcept;

// Null: there is no way but by the loop.
[[gnu::always_inline]] inline task *next_directly(os_thread &w) noexcept {
  processor &p = *w.held;
  if (!p.sole.enter(p.owner->shared_queues)) // a locked instruction makes the call small
    return next_by_queues(w);
  task *const next = pick_alone(w, p);
  p.sole.leave();
  if (!next) [[unlikely]]
    return next_by_queues(w);
  if (bound_to(*next) || keeps_to_its_own(w) || (next->last_worker && next->last_worker != &w)) [[unlikely]]
    return take_picked(w, *next);
  return next;
}

// Behind a commit that says no: it runs on.
void go_on(processor &p, task &t) noexcept;

// Part of settling a task that left: it waits from now on, unless `commit` says no.
[[gnu::always_inline]] inline void settle_parked(processor &p, task &t, park_commit commit, void *argument) noexcept {
  change_state(t, task_state::running, task_state::parked);
  if (!commit(t, argument)) [[unlikely]] // else from here on the task may be running elsewhere
    go_on(p, t);
}

// Behind push_local() of a task that yielded.
[[gnu::always_inline]] inline void tell_of_queued(processor &p) noexcept {
  scheduler &s = *p.owner;
  if (s.shared_queues.load(std::memory_order_relaxed)) {
    std::atomic_thread_fence(std::memory_order_seq_cst); // pairs with the fences in wait_for_work and monitor_loop
    if (s.idle_count.load(std::memory_order_relaxed) != 0) [[unlikely]]
      wake_one(s);
  }
  if (p.slice_end.load(std::memory_order_relaxed) < s.monitor_deadline.load(std::memory_order_relaxed)) [[unlikely]]
    arm_for_queued(p);
}

// What every task does when it is back, on the thread where it is.
[[gnu::always_inline]] inline void settle_left(os_thread &w) noexcept {
  task *const t = w.left;
  if (!t)
    return;
  w.left = nullptr;
  processor &p = *w.held;
  if (w.leaving.why == departure::reason::parked) {
    t->waiting_since = p.started.load(std::memory_order_relaxed);
    return settle_parked(p, *t, w.leaving.commit, w.leaving.argument);
  }
  if (w.leaving.why == departure::reason::finished)
    return recycle_task(*t);
  change_state(*t, task_state::running, task_state::runnable);
  push_local(p, *t);
  tell_of_queued(p);
}

// To what next_directly() found. Returns when `t` is back, perhaps on another thread.
[[gnu::always_inline]] inline void switch_directly(os_thread &w, task &t, task &next) noexcept {
  processor &p = *w.held;
  change_state(next, task_state::runnable, task_state::running);
  p.turns.store(p.turns.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  next.preempt_requested.store(false, std::memory_order_relaxed);
  p.running.store(&next, std::memory_order_release); // pairs with the monitor's acquire
  w.left = &t;
  preempt::change_task(w, t, next);
  begin_turn(w, next);
  arch::__stillpoint_switch_context(&t.context, next.context);
  settle_left(thread_of(*arch::worker_now()));
}

// leave(), directly if there is a way. w.leaving is written.
[[gnu::always_inline]] inline void leave_lightly(os_thread &w) noexcept {
  if (goes_directly(w))
    if (task *const next = next_directly(w))
      return switch_directly(w, *w.current, *next);
  leave(w);
}

inline os_thread &begin_parking(worker &w, const managed_caller &caller, park_commit commit, void *argument, const char *what) noexcept {
  assign_words(w.current->caller, caller);
  w.current->waiting_for = what;
  os_thread &here = thread_of(w);
  here.leaving.why = departure::reason::parked;
  here.leaving.commit = commit;
  here.leaving.argument = argument;
  return here;
}

inline void park_lightly(worker &w, const managed_caller &caller, park_commit commit, void *argument, const char *what) noexcept {
  leave_lightly(begin_parking(w, caller, commit, argument, what));
}

} // namespace stillpoint::rt::sched

#endif
