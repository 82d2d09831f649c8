// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Whether all that run tasks switch all the time: then they serve timers and woken tasks by themselves, and the monitor would only be in their way.
//
// Mechanism: turns taken since some earlier look, over the time since then. Looks that follow each other closely see too few of them to say so, and
// count together. Who is between two tasks at the moment counts too: a processor that two threads hand to and fro hardly ever runs one.
// Invariant: never by what happened longer ago than two rests.
#ifndef STILLPOINT_RUNTIME_SCHED_PACE_H
#define STILLPOINT_RUNTIME_SCHED_PACE_H

#include "sched/call.h"
#include "sched/scheduler.h"

namespace stillpoint::rt::sched {

// The monitor's.
class pace {
public:
  // So many turns in so long are often. How long the monitor leaves them alone.
  static constexpr std::uint64_t turns = 16;
  static constexpr std::uint64_t rest_ns = 4 * wake_grace_ns;

  bool brisk(scheduler &s, std::uint64_t now) noexcept {
    const std::uint64_t passed = now - since_;
    bool any = false, all = passed <= 2 * rest_ns;
    for (unsigned i = 0; i < s.slots; ++i) {
      const processor &p = s.processors[i];
      const std::uint64_t taken = p.turns.load(std::memory_order_relaxed) - p.seen_turns;
      const bool often = taken >= turns && taken * (rest_ns / turns) >= passed;
      if (!often && !p.running.load(std::memory_order_relaxed))
        continue;
      any = true;
      all = all && often && !in_call(p) && !p.away.load(std::memory_order_relaxed);
    }
    const bool yes = any && all;
    if (yes || passed > rest_ns)
      begin_again(s, now);
    return yes;
  }

private:
  void begin_again(scheduler &s, std::uint64_t now) noexcept {
    since_ = now;
    for (unsigned i = 0; i < s.slots; ++i)
      s.processors[i].seen_turns = s.processors[i].turns.load(std::memory_order_relaxed);
  }

  std::uint64_t since_ = 0;
};

} // namespace stillpoint::rt::sched

#endif
