// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How long a worker that waits for a processor looks for it before it sleeps.
//
// Problem: two workers that hand a processor to and fro need a microsecond for it as long as both look, and thirty with the kernel. Who looks for less
// than it takes to wake the other never finds that out: each sleeps because the other does.
// Mechanism: as long as looking pays it goes on; where it was in vain it is given up soon. Who has then slept several times in a row for no longer than a
// few times of waking somebody tries once more, and more and more rarely if that is in vain as well: the others may have no CPU of their own.
// What waking takes is measured: 5 us on one machine, 35 us on a virtual one whose interrupts between CPUs go through two hosts.
// Rejected: to halve and to double (the two of them never come back from below); always to look (takes a CPU from who has something to do).
#ifndef STILLPOINT_RUNTIME_SCHED_PATIENCE_H
#define STILLPOINT_RUNTIME_SCHED_PATIENCE_H

#include <algorithm>
#include <cstdint>

namespace stillpoint::rt {

// One worker's. Times are arch::ticks(), two to five in a nanosecond.
class patience {
public:
  static constexpr std::uint64_t most_at_first = 50'000, most_ever = 200'000;
  // Where something else is to be looked after meanwhile that only who sleeps hears of: timers, the network.
  static constexpr std::uint64_t divided = 12'000;
  static constexpr unsigned first_try = 16, last_try = 1024; // short sleeps before it tries

  [[nodiscard]] std::uint64_t ticks() const noexcept { return ticks_; }
  [[nodiscard]] std::uint64_t most() const noexcept { return std::clamp(2 * woke_, most_at_first, most_ever); }
  [[nodiscard]] std::uint64_t short_sleep() const noexcept { return 4 * most(); }

  void paid() noexcept {
    ticks_ = most();
    short_sleeps_ = 0;
    try_after_ = first_try;
    trying_ = false;
  }
  void in_vain() noexcept {
    ticks_ /= 4;
    if (trying_ && try_after_ < last_try)
      try_after_ *= 2;
    trying_ = false;
  }
  // It was roused after so long, with the looking.
  void slept(std::uint64_t ticks) noexcept {
    short_sleeps_ = ticks < short_sleep() ? short_sleeps_ + 1 : 0;
    if (short_sleeps_ < try_after_)
      return;
    short_sleeps_ = 0;
    ticks_ = most();
    trying_ = true;
  }
  // So long after it was roused it ran.
  void woke(std::uint64_t ticks) noexcept { woke_ = woke_ - woke_ / 8 + std::min(ticks, most_ever) / 8; }

private:
  std::uint64_t woke_ = most_at_first / 2; // an average
  std::uint64_t ticks_ = most_at_first;
  unsigned short_sleeps_ = 0;
  unsigned try_after_ = first_try;
  bool trying_ = false;
};

} // namespace stillpoint::rt

#endif
