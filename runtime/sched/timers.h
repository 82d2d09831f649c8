// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Sleeping tasks, by the time they want to wake: one binary heap for the whole run, and the earliest time beside it for a look without the
// lock. Equal times wake in the order in which they were set. Rejected: a heap per processor (stealing of timers and a scan for the
// earliest,
// for a lock that is held for some hundred nanoseconds a sleep).
#ifndef STILLPOINT_RUNTIME_SCHED_TIMERS_H
#define STILLPOINT_RUNTIME_SCHED_TIMERS_H

#include "sched/core.h"
#include "sched/lock.h"
#include "sched/queue.h"

#include <vector>

namespace stillpoint::rt {

class timers {
public:
  // The earliest wake-up, or `never`. Sequentially consistent: one half of the hand-shake between who sets a timer and who goes to sleep.
  [[nodiscard]] std::uint64_t earliest() const noexcept { return earliest_.load(std::memory_order_seq_cst); }

  // The task must be parked, its context saved. Ends the program if there is no memory.
  void add(task &t, std::uint64_t when) noexcept STILLPOINT_EXCLUDES(mutex_);

  // Takes out the tasks whose time has come, at most `limit`, earliest first.
  unsigned take_due(std::uint64_t now, unsigned limit, task_list &out) noexcept STILLPOINT_EXCLUDES(mutex_);

private:
  struct entry {
    std::uint64_t when;
    std::uint64_t order;
    task *sleeper;
  };
  static bool later(const entry &a, const entry &b) noexcept { return a.when != b.when ? a.when > b.when : a.order > b.order; }

  lock mutex_;
  std::vector<entry> heap_ STILLPOINT_GUARDED_BY(mutex_);
  std::uint64_t order_ STILLPOINT_GUARDED_BY(mutex_) = 0;
  std::atomic<std::uint64_t> earliest_{never};
};

} // namespace stillpoint::rt

#endif
