// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A lock that lets other tasks run while it is waited for.
#ifndef STILLPOINT_MUTEX_HPP
#define STILLPOINT_MUTEX_HPP

#include <stillpoint/detail/waiting.hpp>
#include <stillpoint/export.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>

namespace stillpoint {
namespace detail {

struct mutex_state {
  static constexpr std::uint32_t locked = 1;
  std::atomic<std::uint32_t> word{0}; // runtime/sync/mutex_protocol.h says what the bits mean
  void *waiters = nullptr;            // guarded by a lock of the runtime
};

STILLPOINT_API void lock_slowly(mutex_state &m);
STILLPOINT_API bool lock_slowly_until(mutex_state &m, std::uint64_t deadline);
STILLPOINT_API void unlock_slowly(mutex_state &m) noexcept;

} // namespace detail

/// Mutual exclusion among tasks; like Go's sync.Mutex, with the members of std::timed_mutex, so that std::unique_lock, std::scoped_lock and
/// std::lock work with it.
///
/// A task that waits is parked, and its processor runs others. Unlike with std::mutex, a task may be preempted while it holds one, may hold it
/// over waits of any kind, and another task may give it back. Not recursive: a task that locks it twice waits for itself. Who comes while it is
/// free gets it; a task that has waited for a millisecond is given it next.
/// What happened before unlock() is visible after the lock() that follows. It may be destroyed as soon as nobody holds it or waits for it, also
/// by the task that has just got and given it back while the one before is still returning from unlock().
/// Tasks only: a call that would have to wait throws std::logic_error elsewhere. unlock() by any thread. Not for signal handlers.
class mutex {
public:
  constexpr mutex() noexcept = default;
  mutex(const mutex &) = delete;
  mutex &operator=(const mutex &) = delete;

  /// Waits until the caller has it.
  void lock() {
    if (!try_lock()) [[unlikely]]
      detail::lock_slowly(state_);
  }

  /// Takes it if it is free; false if it is not. Does not wait. Any thread.
  bool try_lock() noexcept {
    // Whatever the other bits say: an exchange with zero would fail as long as anybody waits. Acquire: pairs with the release in unlock().
    return (state_.word.fetch_or(detail::mutex_state::locked, std::memory_order_acquire) & detail::mutex_state::locked) == 0;
  }

  /// Waits for at most `d`; whether the caller has it.
  template <class Rep, class Period>
  bool try_lock_for(const std::chrono::duration<Rep, Period> &d) {
    return try_lock() || detail::lock_slowly_until(state_, detail::deadline_in(d));
  }
  /// The same until a point in time. Of a clock other than std::chrono::steady_clock only the distance from now counts.
  template <class Clock, class Duration>
  bool try_lock_until(const std::chrono::time_point<Clock, Duration> &when) {
    return try_lock() || detail::lock_slowly_until(state_, detail::deadline_at(when));
  }

  /// Gives it back. Ends the program if nobody has it.
  void unlock() noexcept {
    std::uint32_t expected = detail::mutex_state::locked;
    // Release: pairs with the acquires above and in the runtime.
    if (!state_.word.compare_exchange_strong(expected, 0, std::memory_order_release, std::memory_order_relaxed)) [[unlikely]]
      detail::unlock_slowly(state_);
  }

private:
  detail::mutex_state state_;
};

} // namespace stillpoint

#endif
