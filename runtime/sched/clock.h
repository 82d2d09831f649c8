// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The time for a scheduler's loop, which asks at every switch and needs microseconds.
//
// Problem: clock_gettime costs as much as all the rest of a switch. Mechanism: the processor's tick counter, read in a third of the time, tells
// whether the last answer is still good enough. Invariant: never ahead of the clock, and at most `stale_ticks` behind, some microseconds;
// a counter that jumps (another CPU, a sleep) makes it ask again. Rejected: computing the time from ticks (drifts from the clock that sleepers
// name their deadlines by).
#ifndef STILLPOINT_RUNTIME_SCHED_CLOCK_H
#define STILLPOINT_RUNTIME_SCHED_CLOCK_H

#include "arch/arch.h"
#include "sched/lock.h"

namespace stillpoint::rt {

// One thread's.
class recent_clock {
public:
  std::uint64_t now() noexcept {
    const std::uint64_t ticks = arch::ticks();
    if (ticks - asked_at_ > stale_ticks) [[unlikely]] {
      time_ = monotonic_now();
      asked_at_ = ticks;
    }
    return time_;
  }

private:
  static constexpr std::uint64_t stale_ticks = 8'000;

  std::uint64_t time_ = 0;
  std::uint64_t asked_at_ = 0;
};

} // namespace stillpoint::rt

#endif
