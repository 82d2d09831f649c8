// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Waiting until something under a lock has changed.
#ifndef STILLPOINT_CONDITION_VARIABLE_HPP
#define STILLPOINT_CONDITION_VARIABLE_HPP

#include <stillpoint/stop_token.hpp>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>

namespace stillpoint {
namespace detail {

struct condition_state {
  std::atomic<bool> any{false}; // whether the list may not be empty
  void *waiters = nullptr;      // guarded by a lock of the runtime
};

// A waiter of the runtime, on the stack of the task that waits.
struct alignas(16) wait_node {
  unsigned char storage[160];
};

STILLPOINT_API void enter_condition(condition_state &c, wait_node &n, interrupt_point *point);
STILLPOINT_API wait_result wait_in_condition(condition_state &c, wait_node &n, std::uint64_t deadline);
STILLPOINT_API void leave_condition(condition_state &c, wait_node &n) noexcept;
STILLPOINT_API void notify(condition_state &c, bool all) noexcept;

} // namespace detail

/// std::condition_variable_any for tasks; like Go's sync.Cond. With any lock that has lock() and unlock(): std::unique_lock<stillpoint::mutex>,
/// stillpoint::mutex itself, std::shared_lock<stillpoint::shared_mutex>.
///
/// A wait gives the lock back while the task is parked, and has it again when it returns, however it ends. No wake-up is spurious, but others may
/// have come first: wait for a predicate. Waiters are woken in the order in which they came. May be destroyed as soon as all who wait have been
/// notified. Waits by tasks only: std::logic_error elsewhere, with the lock held; notifications by any thread. Not for signal handlers.
class condition_variable {
public:
  constexpr condition_variable() noexcept = default;
  condition_variable(const condition_variable &) = delete;
  condition_variable &operator=(const condition_variable &) = delete;

  /// Wakes the task that has waited longest, if there is one. Like Go's Signal.
  void notify_one() noexcept {
    if (state_.any.load(std::memory_order_relaxed)) // who waited before the change that is told of is seen by the lock's order
      detail::notify(state_, false);
  }
  /// Wakes all. Like Go's Broadcast.
  void notify_all() noexcept {
    if (state_.any.load(std::memory_order_relaxed))
      detail::notify(state_, true);
  }

  template <class Lock>
  void wait(Lock &l) {
    wait_once(l, detail::no_deadline, nullptr);
  }
  template <class Lock, class Predicate>
  void wait(Lock &l, Predicate predicate) {
    while (!predicate())
      wait(l);
  }

  template <class Lock, class Rep, class Period>
  std::cv_status wait_for(Lock &l, const std::chrono::duration<Rep, Period> &d) {
    return status(wait_once(l, detail::deadline_in(d), nullptr));
  }
  template <class Lock, class Clock, class Duration>
  std::cv_status wait_until(Lock &l, const std::chrono::time_point<Clock, Duration> &when) {
    return status(wait_once(l, detail::deadline_at(when), nullptr));
  }
  /// What the predicate says in the end.
  template <class Lock, class Rep, class Period, class Predicate>
  bool wait_for(Lock &l, const std::chrono::duration<Rep, Period> &d, Predicate predicate) {
    return wait_by(l, detail::deadline_in(d), predicate);
  }
  template <class Lock, class Clock, class Duration, class Predicate>
  bool wait_until(Lock &l, const std::chrono::time_point<Clock, Duration> &when, Predicate predicate) {
    return wait_by(l, detail::deadline_at(when), predicate);
  }

  /// Until the predicate holds or `token` says to stop. What the predicate says in the end.
  template <class Lock, class Predicate>
  bool wait(Lock &l, const stop_token &token, Predicate predicate) {
    return wait_by(l, token, detail::no_deadline, predicate);
  }
  template <class Lock, class Rep, class Period, class Predicate>
  bool wait_for(Lock &l, const stop_token &token, const std::chrono::duration<Rep, Period> &d, Predicate predicate) {
    return wait_by(l, token, detail::deadline_in(d), predicate);
  }
  template <class Lock, class Clock, class Duration, class Predicate>
  bool wait_until(Lock &l, const stop_token &token, const std::chrono::time_point<Clock, Duration> &when, Predicate predicate) {
    return wait_by(l, token, detail::deadline_at(when), predicate);
  }

private:
  // In the list from before the lock is given back, so that no notification is missed; out of it at the latest when this dies.
  class waiting {
  public:
    waiting(detail::condition_state &c, detail::interrupt_point *point) : condition_(c) { detail::enter_condition(c, node_, point); }
    ~waiting() {
      if (!ended_)
        detail::leave_condition(condition_, node_);
    }
    waiting(const waiting &) = delete;
    waiting &operator=(const waiting &) = delete;
    detail::wait_result wait(std::uint64_t deadline) {
      ended_ = true;
      return detail::wait_in_condition(condition_, node_, deadline);
    }

  private:
    detail::condition_state &condition_;
    detail::wait_node node_;
    bool ended_ = false;
  };

  template <class Lock>
  detail::wait_result wait_once(Lock &l, std::uint64_t deadline, detail::interrupt_point *point) {
    waiting self(state_, point);
    l.unlock();
    const detail::wait_result r = self.wait(deadline);
    l.lock();
    return r;
  }

  template <class Lock, class Predicate>
  bool wait_by(Lock &l, std::uint64_t deadline, Predicate &predicate) {
    while (!predicate())
      if (wait_once(l, deadline, nullptr) == detail::wait_result::timed_out)
        return predicate();
    return true;
  }

  template <class Lock, class Predicate>
  bool wait_by(Lock &l, const stop_token &token, std::uint64_t deadline, Predicate &predicate) {
    while (!predicate()) {
      detail::stop_wait w(token, deadline);
      if (wait_once(l, w.deadline(), w.point()) != detail::wait_result::notified)
        return predicate();
    }
    return true;
  }

  static std::cv_status status(detail::wait_result r) {
    return r == detail::wait_result::timed_out ? std::cv_status::timeout : std::cv_status::no_timeout;
  }

  detail::condition_state state_;
};

} // namespace stillpoint

#endif
