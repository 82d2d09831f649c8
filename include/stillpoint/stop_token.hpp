// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Asking tasks to stop, and deadlines for whole pieces of work.
//
// Why not std::stop_source itself: it knows who asks by the thread. A task that is stopped inside of request_stop() and goes on elsewhere is
// somebody else to it, and a callback that is destroyed then may be written to afterwards. And it knows no deadlines.
#ifndef STILLPOINT_STOP_TOKEN_HPP
#define STILLPOINT_STOP_TOKEN_HPP

#include <stillpoint/detail/waiting.hpp>
#include <stillpoint/export.hpp>

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

namespace stillpoint {

/// Why a stop_token wants its tasks to stop.
enum class stop_reason { none, requested, deadline };

namespace detail {

struct channel;
struct stop_state;
class stop_wait;
class stop_watch;

// A wait that a token may end, in the state's list.
struct stop_entry {
  stop_entry *next = nullptr, *previous = nullptr;
  bool linked = false;
  interrupt_point *point = nullptr;
  stop_state *child = nullptr;
};

STILLPOINT_API stop_state *make_stop_state(stop_state *parent, std::uint64_t deadline);
STILLPOINT_API void add_stop_owner(stop_state &s) noexcept;
STILLPOINT_API void release_stop_owner(stop_state &s) noexcept;
STILLPOINT_API bool request_stop(stop_state &s) noexcept;
STILLPOINT_API stop_reason reason_to_stop(const stop_state &s) noexcept;
STILLPOINT_API std::uint64_t stop_deadline(const stop_state &s) noexcept;
STILLPOINT_API void enter_stop_list(stop_state &s, stop_entry &e) noexcept; // interrupts at once if a stop was requested before
STILLPOINT_API void leave_stop_list(stop_state &s, stop_entry &e) noexcept;
// Closed by a request, or by this call if the deadline has passed; lives as long as the state. The first call makes it, or throws std::bad_alloc.
STILLPOINT_API channel *stop_channel(stop_state &s);

// Counts one owner. Null: nothing ever stops.
class stop_owner {
public:
  constexpr stop_owner() noexcept = default;
  explicit stop_owner(stop_state *owned) noexcept : state_(owned) {}
  stop_owner(const stop_owner &o) noexcept : state_(o.state_) {
    if (state_)
      add_stop_owner(*state_);
  }
  stop_owner(stop_owner &&o) noexcept : state_(std::exchange(o.state_, nullptr)) {}
  stop_owner &operator=(stop_owner o) noexcept {
    std::swap(state_, o.state_);
    return *this;
  }
  ~stop_owner() {
    if (state_)
      release_stop_owner(*state_);
  }
  [[nodiscard]] stop_state *get() const noexcept { return state_; }
  friend bool operator==(const stop_owner &, const stop_owner &) noexcept = default;

private:
  stop_state *state_ = nullptr;
};

} // namespace detail

/// Says whether somebody wants this work to end: asked in loops, and given to waits, which it ends. Like std::stop_token, and the reading side
/// of Go's context.Context. Copies mean the same request. Any thread.
class stop_token {
public:
  /// One that never says so.
  stop_token() noexcept = default;

  /// Whether to stop: somebody asked, or the deadline has passed.
  [[nodiscard]] bool stop_requested() const noexcept { return reason() != stop_reason::none; }
  /// Why; like Go's Context.Err().
  [[nodiscard]] stop_reason reason() const noexcept { return state_.get() ? detail::reason_to_stop(*state_.get()) : stop_reason::none; }
  /// Whether it could ever say so: false only for one that was made by itself.
  [[nodiscard]] bool stop_possible() const noexcept { return state_.get() != nullptr; }
  /// When it will say so by itself, if ever.
  [[nodiscard]] std::optional<std::chrono::steady_clock::time_point> deadline() const noexcept {
    const std::uint64_t d = state_.get() ? detail::stop_deadline(*state_.get()) : detail::no_deadline;
    if (d == detail::no_deadline)
      return std::nullopt;
    return std::chrono::steady_clock::time_point(std::chrono::nanoseconds(static_cast<std::int64_t>(d)));
  }
  friend bool operator==(const stop_token &, const stop_token &) noexcept = default;

private:
  friend class stop_source;
  friend class detail::stop_wait;
  friend class detail::stop_watch;
  explicit stop_token(detail::stop_owner s) noexcept : state_(std::move(s)) {}

  detail::stop_owner state_;
};

/// Asks tasks to stop. Like std::stop_source; with a parent and a deadline like Go's context.WithCancel, WithTimeout and WithDeadline: a request
/// to the parent is one to its children, and their deadlines are never later than its own. Unlike Go's Contexts none has to be cancelled in the
/// end. Any thread; making one throws std::bad_alloc. Copies are the same source.
class stop_source {
public:
  stop_source() : state_(detail::make_stop_state(nullptr, detail::no_deadline)) {}
  /// With a parent. One that never stops is no parent.
  explicit stop_source(const stop_token &parent) : state_(detail::make_stop_state(parent.state_.get(), detail::no_deadline)) {}
  /// With a time after which it counts as asked.
  template <class Rep, class Period>
  explicit stop_source(const std::chrono::duration<Rep, Period> &timeout, const stop_token &parent = {})
      : state_(detail::make_stop_state(parent.state_.get(), detail::deadline_in(timeout))) {}
  template <class Clock, class Duration>
  explicit stop_source(const std::chrono::time_point<Clock, Duration> &deadline, const stop_token &parent = {})
      : state_(detail::make_stop_state(parent.state_.get(), detail::deadline_at(deadline))) {}

  /// Asks, once: wakes every wait that was given the token, its own and its children's. Whether it was the first. Not for signal handlers.
  bool request_stop() noexcept { return detail::request_stop(*state_.get()); }
  [[nodiscard]] bool stop_requested() const noexcept { return get_token().stop_requested(); }
  [[nodiscard]] stop_token get_token() const noexcept { return stop_token(state_); }
  friend bool operator==(const stop_source &, const stop_source &) noexcept = default;

private:
  detail::stop_owner state_;
};

namespace detail {

// One wait that may end by a token: gives the runtime the earlier deadline and the point to interrupt.
class stop_wait {
public:
  stop_wait(const stop_token &t, std::uint64_t deadline) noexcept : state_(t.state_.get()), deadline_(deadline) {
    if (!state_)
      return;
    deadline_ = std::min(deadline, stop_deadline(*state_));
    entry_.point = &point_;
    enter_stop_list(*state_, entry_);
  }
  ~stop_wait() {
    if (state_)
      leave_stop_list(*state_, entry_);
  }
  stop_wait(const stop_wait &) = delete;
  stop_wait &operator=(const stop_wait &) = delete;

  [[nodiscard]] interrupt_point *point() noexcept { return &point_; }
  [[nodiscard]] std::uint64_t deadline() const noexcept { return deadline_; }

private:
  stop_state *state_;
  std::uint64_t deadline_;
  interrupt_point point_;
  stop_entry entry_;
};

// What a select needs of a token.
class stop_watch {
public:
  explicit stop_watch(const stop_token &t) : state_(t.state_) { static_cast<void>(where()); } // makes the channel, or throws

  [[nodiscard]] channel *where() const { return state_.get() ? stop_channel(*state_.get()) : nullptr; }
  [[nodiscard]] std::uint64_t deadline() const noexcept { return state_.get() ? stop_deadline(*state_.get()) : no_deadline; }

private:
  stop_owner state_;
};

STILLPOINT_API wait_result sleep_until(std::uint64_t deadline, interrupt_point &point);

} // namespace detail

/// sleep_for() that `token` may end: true if it slept to the end. Tasks only: throws std::logic_error elsewhere.
template <class Rep, class Period>
bool sleep_for(const std::chrono::duration<Rep, Period> &d, const stop_token &token) {
  const std::uint64_t end = detail::deadline_in(d);
  detail::stop_wait wait(token, end);
  return detail::sleep_until(wait.deadline(), *wait.point()) == detail::wait_result::timed_out && wait.deadline() == end;
}
/// The same until a point in time. Of a clock other than std::chrono::steady_clock only the distance from now counts.
template <class Clock, class Duration>
bool sleep_until(const std::chrono::time_point<Clock, Duration> &when, const stop_token &token) {
  return sleep_for(when - Clock::now(), token);
}
/// Waits until `token` says to stop; like receiving from Go's Context.Done(). For ever, if it never does.
inline void wait_for_stop(const stop_token &token) {
  detail::stop_wait wait(token, detail::no_deadline);
  detail::sleep_until(wait.deadline(), *wait.point());
}

} // namespace stillpoint

#endif
