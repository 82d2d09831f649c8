// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Runnable tasks that only one worker may run: scheduler.h.
//
// Mechanism. Who picks such a task gives its processor with it to that worker, if that one waits, and else puts the task on its list. A worker that
// keeps to its own and picks a task of others gives its processor away with it as well; or only the task, where somebody looks for one with a
// processor: nobody has to be woken then.
// Invariant: a list is empty while its worker waits (waiting.cpp).
// Rejected: a queue of its own for each locked thread (nobody would know when such a task's turn has come among the others).
#include "sched/processors.h"

namespace stillpoint::rt::sched {
namespace {

void count_bound(os_thread &w) noexcept {
  const task *const head = w.bound.front();
  w.bound_oldest.store(head ? head->queued_at.load(std::memory_order_relaxed) : never, std::memory_order_relaxed);
}

} // namespace

bool unbind_all(scheduler &s, os_thread &w) noexcept {
  std::uint32_t count = 0;
  while (task *const t = w.bound.pop_front()) {
    s.woken.push_back(*t);
    ++count;
  }
  if (count == 0)
    return false;
  s.woken_count.fetch_add(count, std::memory_order_relaxed);
  w.bound_count.store(0, std::memory_order_relaxed);
  w.bound_woken.store(false, std::memory_order_relaxed);
  count_bound(w);
  return true;
}

void pass_on(os_thread &w, task &t) noexcept {
  scheduler &s = *w.owner;
  processor &p = *w.held;
  worker *const only = bound_to(t);
  recipient next;
  bool more = false, left = false;
  {
    const lock_guard held(s.mutex);
    left = !only && s.spinning.load(std::memory_order_relaxed) != 0 && !wanted_by_others(p);
    if (left) {
      more = begin_waiting(s, w);
      s.woken.push_back(t);
      s.woken_count.fetch_add(1, std::memory_order_relaxed);
      push_idle(s, p);
    } else if (!only) {
      more = begin_waiting(s, w);
      next = give_to_any(s, p, &t);
    } else if (os_thread &owner = thread_of(*only); owner.waiting.load(std::memory_order_relaxed)) {
      more = begin_waiting(s, w);
      assign(s, owner, p, &t);
      next = {&owner, false};
    } else if (!s.stopping.load(std::memory_order_relaxed)) { // see push_bound
      owner.bound.push_back(t);
      owner.bound_count.fetch_add(1, std::memory_order_relaxed);
      if (t.woken)
        owner.bound_woken.store(true, std::memory_order_relaxed);
      count_bound(owner);
    }
  }
  next.wake();
  if (left) {
    // Pairs with stop_looking: who looks finds it, or we see that nobody looks any more.
    std::atomic_thread_fence(std::memory_order_seq_cst);
    wake_one(s);
  }
  if (more)
    call_for_help(s);
  else if (!next.worker && !left)
    alarm_monitor(s, 1); // that one has a processor: its task may have to give way
}

void push_bound(os_thread &w, task &t, bool is_woken) noexcept {
  scheduler &s = *w.owner;
  t.slice_used = 0;
  t.woken = is_woken;
  t.queued_at.store(monotonic_now(), std::memory_order_relaxed);
  bool given = false, queued = false;
  {
    const lock_guard held(s.mutex);
    if (s.stopping.load(std::memory_order_relaxed))
      return; // nobody runs it any more, and w may be another run's soon
    if (!w.waiting.load(std::memory_order_relaxed)) {
      w.bound.push_back(t);
      w.bound_count.fetch_add(1, std::memory_order_relaxed);
      if (is_woken)
        w.bound_woken.store(true, std::memory_order_relaxed);
      count_bound(w);
    } else if (processor *const p = pop_idle(s)) {
      p->spinning = false;
      assign(s, w, *p, &t);
      given = true;
    } else {
      s.woken.push_back(t);
      s.woken_count.fetch_add(1, std::memory_order_relaxed);
      queued = true;
    }
  }
  if (given)
    return rouse(w);
  std::atomic_thread_fence(std::memory_order_seq_cst); // pairs with the fence in wait_for_work and the monitor's
  if (queued)
    call_for_help(s);
  else if (is_woken)
    alarm_monitor(s, 1);
}

task *pop_bound(os_thread &w) noexcept {
  if (w.bound_count.load(std::memory_order_acquire) == 0)
    return nullptr;
  const lock_guard held(w.owner->mutex);
  task *const t = w.bound.pop_front();
  if (!t)
    return nullptr;
  w.bound_count.fetch_sub(1, std::memory_order_relaxed);
  w.bound_woken.store(false, std::memory_order_relaxed);
  count_bound(w);
  return t;
}

} // namespace stillpoint::rt::sched
