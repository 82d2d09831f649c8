// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the headers of the synchronisation objects share: how a wait is ended from outside, and deadlines as the runtime takes them.
//
// An interrupt_point belongs to one wait. Whoever changes its state first from `preparing` or `waiting` ends the wait, and wakes the task if it
// was parked already. So a request to stop may come at any time, also before the task has parked: it does not park then.
#ifndef STILLPOINT_DETAIL_WAITING_HPP
#define STILLPOINT_DETAIL_WAITING_HPP

#include <stillpoint/export.hpp>
#include <stillpoint/sleep.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <type_traits>

namespace stillpoint::detail {

enum class wait_result : std::uint32_t { preparing, waiting, notified, timed_out, stopped };

struct interrupt_point {
  std::atomic<wait_result> state{wait_result::preparing};
  void *task = nullptr; // the runtime's
};

// Ends the wait with `stopped`, unless it has ended. Any thread; the point must live until this returns.
STILLPOINT_API void interrupt(interrupt_point &p) noexcept;

// No deadline.
inline constexpr std::uint64_t no_deadline = UINT64_MAX;

// Nanoseconds of CLOCK_MONOTONIC, as std::chrono::steady_clock counts.
template <class Rep, class Period>
std::uint64_t deadline_in(std::chrono::duration<Rep, Period> d) {
  const std::chrono::nanoseconds now = std::chrono::steady_clock::now().time_since_epoch();
  return static_cast<std::uint64_t>(now.count() + bounded_nanoseconds(d));
}
template <class Clock, class Duration>
std::uint64_t deadline_at(std::chrono::time_point<Clock, Duration> when) {
  if constexpr (std::is_same_v<Clock, std::chrono::steady_clock>)
    return static_cast<std::uint64_t>(bounded_nanoseconds(when.time_since_epoch()));
  else
    return deadline_in(when - Clock::now());
}

// How long it is until then; 0 if it has passed.
inline std::uint64_t nanoseconds_until(std::uint64_t deadline) noexcept {
  const auto now = static_cast<std::uint64_t>(std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count());
  return deadline > now ? deadline - now : 0;
}

} // namespace stillpoint::detail

#endif
