// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The process's signals as something that tasks wait for, alone or through a channel.
//
// Signals are process-wide, and so is what happens here: while a signal_set with SIGTERM in it exists, SIGTERM does not end the process. Each set hears
// of each of its signals. Like the kernel, it does not count them: a signal that comes again before anybody has asked is one signal.
#ifndef STILLPOINT_SIGNALS_HPP
#define STILLPOINT_SIGNALS_HPP

#include <stillpoint/chan.hpp>
#include <stillpoint/net/handle.hpp>
#include <stillpoint/task.hpp>

#include <csignal>
#include <initializer_list>
#include <memory>

namespace stillpoint {
namespace detail {
STILLPOINT_API net::detail::descriptor *open_signals(const int *signals, std::size_t count);
STILLPOINT_API int wait_for_signal(net::detail::descriptor *d, std::error_code &ec);
STILLPOINT_API void stop_signals(net::detail::descriptor *d) noexcept;
STILLPOINT_API void close_signals(net::detail::descriptor *d) noexcept;
} // namespace detail

/// Hears of signals from its construction on.
class signal_set {
public:
  /// Throws std::invalid_argument for a number that is none, and for what cannot be waited for: SIGKILL, SIGSTOP, faults (SIGSEGV and its kin, which
  /// belong to the instruction that caused them), and SIGURG, which is the runtime's. std::system_error if there is no file left, or no room (62 sets
  /// at a time). Any thread.
  signal_set(std::initializer_list<int> signals) : descriptor_(detail::open_signals(signals.begin(), signals.size())) {}
  /// What the signals did before they do again, if this was the last set that has them.
  ~signal_set() { detail::close_signals(descriptor_); }
  signal_set(const signal_set &) = delete;
  signal_set &operator=(const signal_set &) = delete;

  /// The next signal's number; waits for it. 0 with net::closed after close(), or net::timed_out. Tasks only.
  int wait(std::error_code &ec) { return detail::wait_for_signal(descriptor_, ec); }
  int wait() {
    return net::detail::or_throw("signal", [this](std::error_code &ec) { return wait(ec); });
  }
  /// As for sockets. Any thread.
  void deadline(net::time_point when) noexcept {
    net::detail::set_deadline(descriptor_, net::detail::reading, net::detail::nanoseconds(when));
  }
  /// Ends all waiting, and hears of no signal any more: what they did before they do again, if no other set has them. Any thread.
  void close() noexcept { detail::stop_signals(descriptor_); }

private:
  net::detail::descriptor *descriptor_;
};

/// Sends the numbers of signals to a channel as long as it lives.
class signal_notification {
public:
  explicit signal_notification(std::shared_ptr<signal_set> from) noexcept : from_(std::move(from)) {}
  ~signal_notification() {
    if (from_)
      from_->close();
  }
  signal_notification(signal_notification &&) noexcept = default;
  signal_notification &operator=(signal_notification &&) = delete;

private:
  std::shared_ptr<signal_set> from_;
};

/// From now on sends the numbers of these signals to `to`, until the result's end (Go: signal.Notify and Stop). A signal for which the channel
/// has no room is dropped: give it a buffer of one at least. The channel is not closed. Tasks only; throws what signal_set does.
[[nodiscard]] inline signal_notification notify(chan_sender<int> to, std::initializer_list<int> signals) {
  auto set = std::make_shared<signal_set>(signals);
  go({.name = "signals"}, [set, to] {
    std::error_code ec;
    while (const int number = set->wait(ec)) {
      try {
        to.try_send(int{number});
      } catch (const closed_channel &) {
        return; // nobody wants to hear any more
      }
    }
  });
  return signal_notification(std::move(set));
}

} // namespace stillpoint

#endif
