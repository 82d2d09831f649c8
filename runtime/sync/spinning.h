// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Spinning before a wait: worth it only if whoever has to act runs at the same time, and for less than a switch to another task costs.
#ifndef STILLPOINT_RUNTIME_SYNC_SPINNING_H
#define STILLPOINT_RUNTIME_SYNC_SPINNING_H

#include "sched/scheduler.h"

namespace stillpoint::rt::sync {

// Waits a moment and returns true, in the first few rounds and if other processors are busy. In a task.
inline bool spin(unsigned round) noexcept {
  constexpr unsigned rounds = 30;
  if (round >= rounds)
    return false;
  const scheduler &s = *this_worker()->held->owner;
  if (round == 0 && s.idle_count.load(std::memory_order_relaxed) + 1 >= s.count)
    return false;
  for (unsigned i = 0; i <= round / 4; ++i)
    __builtin_ia32_pause();
  return true;
}

} // namespace stillpoint::rt::sync

#endif
