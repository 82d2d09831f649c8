// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Sleeping tasks.
#ifndef STILLPOINT_SLEEP_HPP
#define STILLPOINT_SLEEP_HPP

#include <stillpoint/export.hpp>

#include <chrono>
#include <cstdint>

namespace stillpoint {
namespace detail {

/// Nanoseconds of CLOCK_MONOTONIC.
STILLPOINT_API void sleep_until(std::uint64_t deadline);

/// `d` as nanoseconds in [0, some hundred years], rounded up; whatever its unit, nothing overflows.
template <class Rep, class Period>
std::int64_t bounded_nanoseconds(std::chrono::duration<Rep, Period> d) {
  using namespace std::chrono;
  constexpr nanoseconds longest = hours(24 * 365 * 100);
  if (!(d > d.zero()))
    return 0;
  if (duration<long double>(d) >= duration<long double>(longest))
    return longest.count();
  return ceil<nanoseconds>(d).count();
}

} // namespace detail

/// Gives the processor to other tasks for at least `d` (any std::chrono duration; not positive: like yield()). std::chrono::steady_clock
/// counts, so a
/// change of the wall clock does not matter. When the time has come the task runs before those that wait for their slice, and if
/// every processor is busy one is taken from its task. Tasks only: throws std::logic_error elsewhere. Not for signal handlers.
template <class Rep, class Period>
void sleep_for(std::chrono::duration<Rep, Period> d) {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  detail::sleep_until(static_cast<std::uint64_t>(std::chrono::nanoseconds(now).count() + detail::bounded_nanoseconds(d)));
}

/// The same until a point in time. Of a clock other than std::chrono::steady_clock only the distance from now counts, read once at the
/// call.
template <class Clock, class Duration>
void sleep_until(std::chrono::time_point<Clock, Duration> when) {
  sleep_for(when - Clock::now());
}

} // namespace stillpoint

#endif
