// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See direct.h: what is left to be done for a task that waits or has ended.
#include "sched/direct.h"

namespace stillpoint::rt::sched {

void settle_other(os_thread &w, task &t) noexcept {
  processor &p = *w.held;
  if (w.leaving.why == departure::reason::finished)
    return recycle_task(t);
  t.waiting_since = p.started.load(std::memory_order_relaxed);
  settle_parked(p, t, w.leaving.commit, w.leaving.argument);
}

} // namespace stillpoint::rt::sched
