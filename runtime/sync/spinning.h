// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Spinning before a wait: worth it only if whoever has to act runs at the same time, and for less than a switch to another task costs.
//
// Mechanism: a few rounds, some hundred nanoseconds each, with one look at the word behind each. A look takes the word's cache line away from who is at
// work with it, who has to fetch it back: two tasks that look at once when the other gives back a mutex take longer together than one alone would.
// In all a few microseconds, what it costs to wake a worker that sleeps.
// Rejected: rounds that begin short and grow (three times the cost for two tasks that do nothing but lock); to spin while a task waits for this processor.
#ifndef STILLPOINT_RUNTIME_SYNC_SPINNING_H
#define STILLPOINT_RUNTIME_SYNC_SPINNING_H

#include "sched/scheduler.h"

namespace stillpoint::rt::sync {

// Waits a moment and returns true, in the first few rounds, if other processors are busy and no task waits for this one. In a task.
inline bool spin(unsigned round) noexcept {
  constexpr unsigned rounds = 6, pauses = 45;
  if (round >= rounds)
    return false;
  const processor &p = *this_worker()->held;
  const scheduler &s = *p.owner;
  const unsigned without_task = s.idle_count.load(std::memory_order_relaxed) + s.spinning.load(std::memory_order_relaxed);
  if (without_task + 1 >= s.count || sched::others_could_run(p))
    return false;
  for (unsigned i = 0; i < pauses; ++i)
    __builtin_ia32_pause();
  return true;
}

} // namespace stillpoint::rt::sync

#endif
