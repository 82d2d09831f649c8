// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A number of permits, and tasks that wait for one.
#ifndef STILLPOINT_SEMAPHORE_HPP
#define STILLPOINT_SEMAPHORE_HPP

#include <stillpoint/stop_token.hpp>

#include <atomic>
#include <cassert>
#include <chrono>
#include <cstddef>
#include <limits>

namespace stillpoint {
namespace detail {

struct semaphore_state {
  static constexpr std::ptrdiff_t parked = 1, one = 2;
  std::atomic<std::ptrdiff_t> word; // permits * 2, and 1 if tasks wait (then there are none)
  void *waiters = nullptr;          // guarded by a lock of the runtime
};

STILLPOINT_API bool acquire_slowly(semaphore_state &s, std::uint64_t deadline, interrupt_point *point);
STILLPOINT_API void release_slowly(semaphore_state &s, std::ptrdiff_t n) noexcept;

} // namespace detail

/// std::counting_semaphore for tasks. Permits go to those that wait in the order in which they came, and to others only if nobody waits. What
/// happened before a release() is visible after the acquire() that got its permit. May be destroyed by who got the last permit, while its giver
/// is still in release().
/// Waits by tasks only: std::logic_error elsewhere; all else by any thread. Not for signal handlers.
template <std::ptrdiff_t LeastMax = std::numeric_limits<std::ptrdiff_t>::max() / 2>
class counting_semaphore {
  static_assert(LeastMax >= 0 && LeastMax <= std::numeric_limits<std::ptrdiff_t>::max() / 2);
  using state = detail::semaphore_state;

public:
  constexpr explicit counting_semaphore(std::ptrdiff_t permits) noexcept : state_{permits * state::one} {
    assert(permits >= 0 && permits <= LeastMax);
  }
  counting_semaphore(const counting_semaphore &) = delete;
  counting_semaphore &operator=(const counting_semaphore &) = delete;
  static constexpr std::ptrdiff_t max() noexcept { return LeastMax; }

  /// Gives `n` permits. Any thread.
  void release(std::ptrdiff_t n = 1) noexcept {
    std::ptrdiff_t seen = state_.word.load(std::memory_order_relaxed);
    while ((seen & state::parked) == 0)
      // Release: pairs with the acquires of who takes one.
      if (state_.word.compare_exchange_weak(seen, seen + n * state::one, std::memory_order_release, std::memory_order_relaxed))
        return;
    detail::release_slowly(state_, n);
  }

  /// Takes a permit if there is one. Any thread.
  bool try_acquire() noexcept {
    std::ptrdiff_t seen = state_.word.load(std::memory_order_relaxed);
    while (seen >= state::one)
      if (state_.word.compare_exchange_weak(seen, seen - state::one, std::memory_order_acquire, std::memory_order_relaxed))
        return true;
    return false;
  }

  /// Takes a permit; waits for it.
  void acquire() {
    if (!try_acquire())
      detail::acquire_slowly(state_, detail::no_deadline, nullptr);
  }
  /// False if `token` said to stop first.
  bool acquire(const stop_token &token) { return acquire(token, detail::no_deadline); }
  /// False if the time was over first.
  template <class Rep, class Period>
  bool try_acquire_for(const std::chrono::duration<Rep, Period> &d) {
    return try_acquire() || detail::acquire_slowly(state_, detail::deadline_in(d), nullptr);
  }
  template <class Clock, class Duration>
  bool try_acquire_until(const std::chrono::time_point<Clock, Duration> &when) {
    return try_acquire() || detail::acquire_slowly(state_, detail::deadline_at(when), nullptr);
  }

private:
  bool acquire(const stop_token &token, std::uint64_t deadline) {
    if (try_acquire())
      return true;
    detail::stop_wait w(token, deadline);
    return detail::acquire_slowly(state_, w.deadline(), w.point());
  }

  state state_;
};
using binary_semaphore = counting_semaphore<1>;

} // namespace stillpoint

#endif
