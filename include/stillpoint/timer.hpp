// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Doing something again and again, or once later.
//
// A ticker is arithmetic and a sleep: it costs nothing while nobody waits for it, and need not be stopped. In a select its next tick is a timeout.
// Rejected: channels that somebody sends the time to, as Go has them (a tick that nobody takes keeps timer, channel and buffer; a select has
// timeouts of its own here).
#ifndef STILLPOINT_TIMER_HPP
#define STILLPOINT_TIMER_HPP

#include <stillpoint/sleep.hpp>
#include <stillpoint/stop_token.hpp>
#include <stillpoint/task.hpp>

#include <atomic>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <utility>

namespace stillpoint {

/// Ticks once in each period, the first time one period after it was made; like Go's time.Ticker. Who comes too late finds one tick, not all that
/// were missed, and the ticks stay where they were.
/// One task at a time uses it. Nothing needs to be stopped.
class ticker {
  using clock = std::chrono::steady_clock;

public:
  /// `period`: any std::chrono duration. Throws std::invalid_argument if it is not positive.
  template <class Rep, class Period>
  explicit ticker(const std::chrono::duration<Rep, Period> &period) {
    reset(period);
  }

  /// Waits for the next tick and returns its time. Tasks only: std::logic_error elsewhere.
  clock::time_point wait() {
    sleep_until(next_);
    return take();
  }
  /// False if `token` said to stop first.
  bool wait(const stop_token &token) {
    if (token.stop_requested() || !sleep_until(next_, token))
      return false;
    take();
    return true;
  }
  /// How long until the next tick; not positive if wait() would return at once. In a select:
  ///
  ///     select(on_receive(jobs, …), on_timeout(tick.left(), [&] { tick.wait(); … }));
  [[nodiscard]] clock::duration left() const { return next_ - clock::now(); }
  /// From now on another period; the next tick is one of them away.
  template <class Rep, class Period>
  void reset(const std::chrono::duration<Rep, Period> &period) {
    if (!(period > period.zero()))
      throw std::invalid_argument("stillpoint: a ticker's period must be positive");
    period_ = clock::duration(detail::bounded_nanoseconds(period));
    next_ = clock::now() + period_;
  }

private:
  clock::time_point take() {
    const clock::time_point tick = next_;
    next_ += ((clock::now() - tick) / period_ + 1) * period_; // behind now
    return tick;
  }

  clock::duration period_{};
  clock::time_point next_;
};

/// A call that run_after() has promised. Copies mean the same; any thread.
class timer {
public:
  /// True: the call will not be made. False: it is being made, has been, or was stopped before. Like Go's Timer.Stop.
  bool stop() noexcept {
    if (!state_ || state_->taken.exchange(true, std::memory_order_acq_rel)) // one of the two gets it: pairs with run_after's
      return false;
    state_->source.request_stop();
    return true;
  }
  /// One that was never promised anything.
  timer() noexcept = default;

private:
  template <class Rep, class Period, class F>
  friend timer run_after(const std::chrono::duration<Rep, Period> &d, F &&f);
  struct state {
    std::atomic<bool> taken{false};
    stop_source source;
  };

  std::shared_ptr<state> state_;
};

/// Calls `f()` after `d`, any std::chrono duration, in a task of its own, unless it is stopped before; like Go's time.AfterFunc. The call is made
/// also if nobody keeps the timer. `f` may hold references, as go()'s may. Tasks only: std::logic_error elsewhere; errors as of go().
template <class Rep, class Period, class F>
timer run_after(const std::chrono::duration<Rep, Period> &d, F &&f) {
  timer t;
  t.state_ = std::make_shared<timer::state>();
  go([state = t.state_, deadline = std::chrono::steady_clock::now() + std::chrono::nanoseconds(detail::bounded_nanoseconds(d)),
      f = std::forward<F>(f)]() mutable {
    if (sleep_until(deadline, state->source.get_token()) && !state->taken.exchange(true, std::memory_order_acq_rel))
      f();
  });
  return t;
}

} // namespace stillpoint

#endif
