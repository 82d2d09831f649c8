// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Waiting for a number of tasks to finish.
#ifndef STILLPOINT_WAIT_GROUP_HPP
#define STILLPOINT_WAIT_GROUP_HPP

#include <stillpoint/export.hpp>
#include <stillpoint/stop_token.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>

namespace stillpoint {
namespace rt {
struct managed_caller;
}

/// A count of things still to be done, and tasks that wait for it to reach zero; like Go's sync.WaitGroup.
///
/// add() before starting what is counted, done() at its end, wait() for all. What happened before a done() is visible after the wait()
/// that it ends. The group may be destroyed as soon as wait() has returned true, and used again.
/// Misuse that cannot be reported to anyone (more done() than add(), destruction while a task waits) ends the program with a message.
/// Thread safety: all members may be called at the same time, but an add() from zero must come before the wait() that is to see it. Not for
/// signal handlers.
class STILLPOINT_API wait_group {
public:
  wait_group() = default;
  /// With a count.
  explicit wait_group(std::ptrdiff_t n) { add(n); }
  ~wait_group();
  wait_group(const wait_group &) = delete;
  wait_group &operator=(const wait_group &) = delete;

  /// Adds `n`, which may be negative. Any thread. Ends the program if the count would fall below zero.
  void add(std::ptrdiff_t n = 1);
  /// add(-1).
  void done() { add(-1); }
  /// Returns when the count is zero; other tasks run meanwhile. Tasks only: throws std::logic_error elsewhere.
  void wait();
  /// Whether the count is zero now. Any thread.
  [[nodiscard]] bool try_wait() const noexcept { return count_.load(std::memory_order_acquire) == 0; } // pairs with the step to zero
  /// wait() until `token` says to stop: false if that came first.
  bool wait(const stop_token &token) {
    detail::stop_wait w(token, detail::no_deadline);
    return wait(w.deadline(), w.point());
  }
  /// wait() for at most `d`: whether the count was zero in time.
  template <class Rep, class Period>
  bool wait_for(const std::chrono::duration<Rep, Period> &d) {
    return wait(detail::deadline_in(d), nullptr);
  }
  template <class Clock, class Duration>
  bool wait_until(const std::chrono::time_point<Clock, Duration> &when) {
    return wait(detail::deadline_at(when), nullptr);
  }

private:
  bool reach_zero(std::ptrdiff_t expected);
  bool wait(std::uint64_t deadline, detail::interrupt_point *point);
  bool wait_until_zero(const char *call, std::uint64_t deadline, detail::interrupt_point *point, const rt::managed_caller &caller);

  std::atomic<std::ptrdiff_t> count_{0};
  void *waiters_ = nullptr; // guarded by a lock of the runtime
};

} // namespace stillpoint

#endif
