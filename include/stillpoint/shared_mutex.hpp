// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A lock that many may hold to read, or one to write.
#ifndef STILLPOINT_SHARED_MUTEX_HPP
#define STILLPOINT_SHARED_MUTEX_HPP

#include <stillpoint/detail/waiting.hpp>
#include <stillpoint/export.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>

namespace stillpoint {
namespace detail {

struct shared_mutex_state {
  static constexpr std::uint32_t writer = 1, parked = 2, reader = 4;
  std::atomic<std::uint32_t> word{0}; // who has it: a writer, or so many readers; and whether tasks wait
  void *waiters = nullptr;            // guarded by a lock of the runtime
};

STILLPOINT_API bool lock_slowly(shared_mutex_state &m, std::uint64_t deadline);
STILLPOINT_API bool lock_shared_slowly(shared_mutex_state &m, std::uint64_t deadline);
STILLPOINT_API void unlock_slowly(shared_mutex_state &m) noexcept;
STILLPOINT_API void unlock_shared_slowly(shared_mutex_state &m) noexcept;

} // namespace detail

/// Shared and exclusive locking among tasks; like Go's sync.RWMutex, with the members of std::shared_timed_mutex, so that std::shared_lock and
/// std::unique_lock work with it.
///
/// Neither side starves the other: who comes to read while a writer waits goes behind it; after a writer all readers that wait come before the next
/// writer. So a task must not lock it to read twice. May be held over preemptions and waits, and given back by another task; may be destroyed as
/// soon as nobody holds it or waits for it. What happened before a writer's unlock() is visible to who locks it next, and what happened before a
/// reader's to the next writer.
/// Waits by tasks only: std::logic_error elsewhere; all else by any thread. Not for signal handlers.
class shared_mutex {
  using state = detail::shared_mutex_state;

public:
  constexpr shared_mutex() noexcept = default;
  shared_mutex(const shared_mutex &) = delete;
  shared_mutex &operator=(const shared_mutex &) = delete;

  /// Exclusive, to write.
  void lock() {
    if (!try_lock())
      detail::lock_slowly(state_, detail::no_deadline);
  }
  bool try_lock() noexcept {
    std::uint32_t expected = 0;
    // Acquire: pairs with the releases in the unlocks.
    return state_.word.compare_exchange_strong(expected, state::writer, std::memory_order_acquire, std::memory_order_relaxed);
  }
  template <class Rep, class Period>
  bool try_lock_for(const std::chrono::duration<Rep, Period> &d) {
    return try_lock() || detail::lock_slowly(state_, detail::deadline_in(d));
  }
  template <class Clock, class Duration>
  bool try_lock_until(const std::chrono::time_point<Clock, Duration> &when) {
    return try_lock() || detail::lock_slowly(state_, detail::deadline_at(when));
  }
  /// Ends the program if nobody has it to write.
  void unlock() noexcept {
    std::uint32_t expected = state::writer;
    if (!state_.word.compare_exchange_strong(expected, 0, std::memory_order_release, std::memory_order_relaxed))
      detail::unlock_slowly(state_);
  }

  /// Shared, to read.
  void lock_shared() {
    if (!try_lock_shared())
      detail::lock_shared_slowly(state_, detail::no_deadline);
  }
  bool try_lock_shared() noexcept {
    std::uint32_t seen = state_.word.load(std::memory_order_relaxed);
    while ((seen & (state::writer | state::parked)) == 0)
      if (state_.word.compare_exchange_weak(seen, seen + state::reader, std::memory_order_acquire, std::memory_order_relaxed))
        return true;
    return false;
  }
  template <class Rep, class Period>
  bool try_lock_shared_for(const std::chrono::duration<Rep, Period> &d) {
    return try_lock_shared() || detail::lock_shared_slowly(state_, detail::deadline_in(d));
  }
  template <class Clock, class Duration>
  bool try_lock_shared_until(const std::chrono::time_point<Clock, Duration> &when) {
    return try_lock_shared() || detail::lock_shared_slowly(state_, detail::deadline_at(when));
  }
  /// Ends the program if nobody has it to read.
  void unlock_shared() noexcept {
    std::uint32_t seen = state_.word.load(std::memory_order_relaxed);
    // The last reader wakes who waits.
    while (seen >= state::reader && ((seen & state::parked) == 0 || seen >= 2 * state::reader))
      if (state_.word.compare_exchange_weak(seen, seen - state::reader, std::memory_order_release, std::memory_order_relaxed))
        return;
    detail::unlock_shared_slowly(state_);
  }

private:
  state state_;
};

} // namespace stillpoint

#endif
