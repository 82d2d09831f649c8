// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See direct.h: what is left to be done for a task that waits or has ended.
#include "sched/direct.h"

namespace stillpoint::rt::sched {

bool may_move(task &t) noexcept {
  if (t.async_stopped || t.caller.pc == 0 || preempt::may_migrate(t)) // what is stopped by a signal would be pinned already
    return true;
  t.pinned_to = t.last_worker; // its frames expect it there
  return false;
}

void settle_other(os_thread &w, task &t) noexcept {
  processor &p = *w.held;
  if (w.leaving.why == departure::reason::finished)
    return recycle_task(t);
  t.waiting_since = p.started.load(std::memory_order_relaxed);
  settle_parked(p, t, w.leaving.commit, w.leaving.argument);
}

} // namespace stillpoint::rt::sched
