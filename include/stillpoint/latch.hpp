// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Waiting for a count to reach zero, once.
#ifndef STILLPOINT_LATCH_HPP
#define STILLPOINT_LATCH_HPP

#include <stillpoint/wait_group.hpp>

namespace stillpoint {

/// std::latch for tasks: a wait_group that only counts down. count_down() and try_wait() by any thread, waits by tasks only (std::logic_error
/// elsewhere). Counting below zero ends the program. May be destroyed as soon as a wait has returned.
class latch {
public:
  explicit latch(std::ptrdiff_t expected) : left_(expected) {}
  latch(const latch &) = delete;
  latch &operator=(const latch &) = delete;

  void count_down(std::ptrdiff_t n = 1) { left_.add(-n); }
  [[nodiscard]] bool try_wait() const noexcept { return left_.try_wait(); }
  void wait() { left_.wait(); }
  /// False if `token` said to stop first.
  bool wait(const stop_token &token) { return left_.wait(token); }
  /// False if the time was over first.
  template <class Rep, class Period>
  bool wait_for(const std::chrono::duration<Rep, Period> &d) {
    return left_.wait_for(d);
  }
  template <class Clock, class Duration>
  bool wait_until(const std::chrono::time_point<Clock, Duration> &when) {
    return left_.wait_until(when);
  }
  void arrive_and_wait(std::ptrdiff_t n = 1) {
    count_down(n);
    wait();
  }

private:
  wait_group left_;
};

} // namespace stillpoint

#endif
