// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See direct.h: what is less common.
#include "sched/direct.h"

namespace stillpoint::rt::sched {

bool may_move(task &t) noexcept {
  if (t.async_stopped || t.caller.pc == 0 || preempt::may_migrate(t)) // what is stopped by a signal would be pinned already
    return true;
  t.pinned_to = t.last_worker; // its frames expect it there
  return false;
}

task *take_picked(os_thread &w, task &next) noexcept {
  if (resumes_here(w, next))
    return &next;
  w.picked = &next;
  return nullptr;
}

task *next_by_queues(os_thread &w) noexcept {
  processor &p = *w.held;
  task *next = pick_own(w, p);
  if (!next) {
    const std::uint64_t now = w.clock.now();
    next = pick(p, now);
    if (!next)
      return nullptr;
    if (p.owed_until.load(std::memory_order_relaxed) != 0) { // the loop gives it a slice of its own
      w.picked = next;
      return nullptr;
    }
    p.started.store(now, std::memory_order_relaxed); // others wait: the monitor has to know how long for
  }
  return take_picked(w, *next);
}

void go_on(processor &p, task &t) noexcept {
  change_state(t, task_state::parked, task_state::runnable);
  push_local(p, t);
  arm(p);
}

} // namespace stillpoint::rt::sched
