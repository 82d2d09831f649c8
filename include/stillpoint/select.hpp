// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// select: waits for several channels at once, and does one thing.
//
// Mechanism: a case is an object on the caller's stack with the place of its value; the runtime chooses one and moves the value; then, with
// nothing locked, its handler is called by the caller.
// Rejected: handlers called by the runtime (user code under a lock, with a frame below it that cannot be stopped in).
#ifndef STILLPOINT_SELECT_HPP
#define STILLPOINT_SELECT_HPP

#include <stillpoint/chan.hpp>
#include <stillpoint/sleep.hpp>
#include <stillpoint/stop_token.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>

namespace stillpoint {
namespace detail {

// One case, as the runtime sees it; `stride` bytes from one to the next. A null channel is never ready.
struct select_case {
  channel *where = nullptr;
  void *value = nullptr;
  bool sends = false;
  bool completed = false; // a value was moved; else the channel is closed
  void *scratch[10];      // the runtime's, while it waits
};

inline constexpr std::size_t no_case = SIZE_MAX;
inline constexpr std::uint64_t no_limit = UINT64_MAX;

// Waits at most `patience` nanoseconds; returns the chosen case, or no_case. Throws closed_channel if that is a send and the channel is closed.
STILLPOINT_API std::size_t select_among(select_case *cases, std::size_t count, std::size_t stride, std::uint64_t patience);

struct nothing {
  void operator()() const noexcept {}
};

// The arms of a select. prepare() fills in its case, if it has one; finish() is called if it was chosen.
template <class T, class F>
struct receive_arm {
  static constexpr bool otherwise = false;
  channel *from;
  F handler;
  landing<T> place = {};

  void prepare(select_case &c, std::uint64_t &) noexcept {
    c.where = from;
    c.value = std::addressof(place);
  }
  void finish(const select_case &c) {
    if constexpr (std::is_invocable_v<F &, std::optional<T>>) {
      std::optional<T> value = received<T>(c.completed, place);
      if constexpr (!travels_as_words<T>)
        place.reset();
      std::invoke(handler, std::move(value));
    } else {
      if constexpr (!travels_as_words<T>)
        place.reset();
      std::invoke(handler);
    }
  }
};

template <class T, class F>
struct send_arm {
  static constexpr bool otherwise = false;
  channel *to;
  cargo<T> value;
  F handler;

  void prepare(select_case &c, std::uint64_t &) noexcept {
    c.where = to;
    c.value = std::addressof(value);
    c.sends = true;
  }
  void finish(const select_case &) { std::invoke(handler); }
};

template <class F>
struct timeout_arm {
  static constexpr bool otherwise = true;
  std::uint64_t patience;
  F handler;

  void prepare(select_case &, std::uint64_t &limit) const noexcept { limit = std::min(limit, patience); }
  void finish(const select_case &) { std::invoke(handler); }
};

template <class F>
struct stop_arm {
  static constexpr bool otherwise = false;
  stop_watch watch;
  F handler;
  std::uint64_t patience = no_limit;
  words<char> place = {}; // nothing is ever sent

  void prepare(select_case &c, std::uint64_t &limit) {
    c.where = watch.where();
    c.value = std::addressof(place);
    patience = watch.deadline() == no_deadline ? no_limit : nanoseconds_until(watch.deadline());
    limit = std::min(limit, patience);
  }
  void finish(const select_case &) { std::invoke(handler); }
};

// Which of the cases ends a wait that was in vain: that with the least patience.
template <class... Arms>
std::size_t least_patient(const Arms &...arms) noexcept {
  std::uint64_t least = no_limit;
  std::size_t i = 0, which = no_case;
  const auto look = [&](const auto &arm) {
    if constexpr (requires { arm.patience; })
      if (arm.patience < least) {
        least = arm.patience;
        which = i;
      }
    ++i;
  };
  (look(arms), ...);
  return which;
}

template <class A>
concept select_arm = requires(A &a, select_case &c, std::uint64_t &limit) {
  a.prepare(c, limit);
  a.finish(c);
  { A::otherwise } -> std::convertible_to<bool>;
};

} // namespace detail

/// A case of select(): receives from `c`, a chan or chan_receiver. `f` is called with a std::optional<T>, as receive() returns it, or without
/// arguments.
template <class C, class F = detail::nothing>
  requires requires(const C &c) { c.receive(); }
[[nodiscard]] auto on_receive(const C &c, F f = {}) {
  using T = typename C::value_type;
  static_assert(std::is_invocable_v<F &, std::optional<T>> || std::is_invocable_v<F &>,
                "the handler of on_receive takes a std::optional<T>, or nothing");
  return detail::receive_arm<T, F>{c.core(), std::move(f)};
}

/// A case of select(): sends `value` to `c`, a chan or chan_sender, and then calls `f()`. The value is moved from only if the case is chosen.
template <class C, class F = detail::nothing>
  requires requires(const C &c) { c.close(); }
[[nodiscard]] auto on_send(const C &c, typename C::value_type value, F f = {}) {
  using T = typename C::value_type;
  return detail::send_arm<T, F>{c.core(), detail::cargo<T>(std::move(value)), std::move(f)};
}

/// A case of select(): if no other can go on now. At most one of on_default and on_timeout.
template <class F = detail::nothing>
[[nodiscard]] auto on_default(F f = {}) {
  return detail::timeout_arm<F>{0, std::move(f)};
}

/// A case of select(): if no other could go on for `d`, any std::chrono duration. Not positive: like on_default.
template <class Rep, class Period, class F = detail::nothing>
[[nodiscard]] auto on_timeout(std::chrono::duration<Rep, Period> d, F f = {}) {
  return detail::timeout_arm<F>{static_cast<std::uint64_t>(detail::bounded_nanoseconds(d)), std::move(f)};
}

/// A case of select(): when `t` says to stop, because somebody asked or its deadline has passed (Go's `case <-ctx.Done()`). Never ready if `t` never
/// says so. The first for a stop_source allocates: throws std::bad_alloc.
template <class F = detail::nothing>
[[nodiscard]] auto on_stop(const stop_token &t, F f = {}) {
  return detail::stop_arm<F>{detail::stop_watch(t), std::move(f)};
}

/// Waits until one of the cases can go on, does it, calls its handler, and returns its number, from 0 in the order given (Go's select). If
/// several can, one of them is chosen at random. A case on a null channel is never ready; without cases it waits for ever.
///
///     select(on_receive(jobs, [&](std::optional<job> j) { … }),
///            on_send(results, r, [&] { … }),
///            on_timeout(1s, [&] { … }));
///
/// Handlers run behind the select, as calls of the caller; what they throw leaves it. Channels that are named only in a case, as temporaries, live
/// until the statement ends.
/// Throws closed_channel if the case chosen is a send and the channel is closed. Tasks only: std::logic_error elsewhere. Not for signal handlers.
template <class... Arms>
  requires(detail::select_arm<std::remove_cvref_t<Arms>> && ...)
std::size_t select(Arms &&...arms) {
  constexpr std::size_t count = sizeof...(Arms);
  static_assert((std::size_t{std::remove_cvref_t<Arms>::otherwise} + ... + 0) <= 1, "one on_default or on_timeout is enough");
  detail::select_case cases[count + 1];
  std::uint64_t patience = detail::no_limit;
  std::size_t i = 0;
  (arms.prepare(cases[i++], patience), ...);
  std::size_t chosen = detail::select_among(cases, count, sizeof(detail::select_case), patience);
  if (chosen == detail::no_case)
    chosen = detail::least_patient(arms...);
  i = 0;
  ((i++ == chosen ? arms.finish(cases[chosen]) : void()), ...);
  return chosen;
}

/// One case of a select whose cases are known only at run time (Go's reflect.Select). Keeps its channel; refers to the caller's variable, which must
/// stay where it is until the select has returned. If T holds gc::ref, that variable is in a place that the collector sees: on the stack, in a collected object.
class select_entry : private detail::select_case {
public:
  /// Receives into `into`, which is std::nullopt afterwards if another case was chosen or the channel is closed.
  template <class C>
    requires requires(const C &c) { c.receive(); }
  static select_entry receive(const C &c, std::optional<typename C::value_type> &into) {
    using T = typename C::value_type;
    return select_entry(detail::channel_handle(c.handle()), std::addressof(into), false, detail::travels_as_words<T>, &prepare_receive<T>,
                        &finish_receive<T>);
  }
  /// Sends `from`, which is moved from if the case is chosen.
  template <class C>
    requires requires(const C &c) { c.close(); }
  static select_entry send(const C &c, typename C::value_type &from) {
    using T = typename C::value_type;
    return select_entry(detail::channel_handle(c.handle()), std::addressof(from), true, detail::travels_as_words<T>, &prepare_send<T>,
                        &finish_send);
  }

private:
  using step = void (*)(select_entry &) noexcept;
  friend std::size_t select(std::span<select_entry> entries);
  template <class Rep, class Period>
  friend std::size_t select_for(std::span<select_entry> entries, std::chrono::duration<Rep, Period> d);

  select_entry(detail::channel_handle c, void *variable, bool is_send, bool small, step before, step after) noexcept
      : handle_(std::move(c)), variable_(variable), small_(small), prepare_(before), finish_(after) {
    sends = is_send;
  }

  template <class T>
  static void prepare_receive(select_entry &e) noexcept {
    static_cast<std::optional<T> *>(e.variable_)->reset();
  }
  template <class T>
  static void finish_receive(select_entry &e) noexcept {
    [[maybe_unused]] auto &into = *static_cast<std::optional<T> *>(e.variable_);
    if constexpr (detail::travels_as_words<T>) {
      detail::words<T> w;
      std::memcpy(w.word.data(), e.words_, sizeof w.word);
      if (e.completed)
        into.emplace(w.value());
    }
  }
  template <class T>
  static void prepare_send(select_entry &e) noexcept {
    if constexpr (detail::travels_as_words<T>)
      std::memcpy(e.words_, e.variable_, sizeof(T));
  }
  static void finish_send(select_entry &) noexcept {}

  static std::size_t choose(std::span<select_entry> entries, std::uint64_t patience) {
    for (select_entry &e : entries) {
      e.where = e.handle_.get();
      e.completed = false;
      e.value = e.small_ ? static_cast<void *>(e.words_) : e.variable_;
      e.prepare_(e);
    }
    const std::size_t chosen = detail::select_among(entries.data(), entries.size(), sizeof(select_entry), patience);
    if (chosen == detail::no_case)
      return entries.size();
    entries[chosen].finish_(entries[chosen]);
    return chosen;
  }

  detail::channel_handle handle_;
  void *variable_;
  std::uint64_t words_[2] = {};
  bool small_;
  step prepare_;
  step finish_;
};

/// The same for cases in an array: returns the index of the one chosen. Errors as above.
inline std::size_t select(std::span<select_entry> entries) { return select_entry::choose(entries, detail::no_limit); }

/// The same, waiting at most `d`, any std::chrono duration; not positive: not at all. entries.size() if no case could go on.
template <class Rep, class Period>
std::size_t select_for(std::span<select_entry> entries, std::chrono::duration<Rep, Period> d) {
  return select_entry::choose(entries, static_cast<std::uint64_t>(detail::bounded_nanoseconds(d)));
}

} // namespace stillpoint

#endif
