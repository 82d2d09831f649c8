// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Signals that tasks wait for: signals.hpp.
//
// Mechanism: a handler marks the signal in every listener that wants it and adds to the listener's eventfd, which tasks wait on like on any file. A
// listener's marks are taken one by one; who leaves some behind adds to the eventfd again, for the next one.
// Invariants: a listener's slot and eventfd are never given back, only used again, since a handler may look at them at any time; tasks wait on a
// duplicate. The handler touches atomics and calls write(), nothing else.
// Rejected: signalfd (wants the signal blocked in all threads, also in those that we know nothing of).
#include "stillpoint/signals.hpp"
#include "net/calls.h"

#include <algorithm>
#include <array>
#include <bit>
#include <csignal>
#include <fcntl.h>
#include <stdexcept>
#include <string>
#include <sys/eventfd.h>
#include <unistd.h>

namespace stillpoint::detail {
namespace {

using net::detail::descriptor;
namespace nd = net::detail;

constexpr int most_signals = 64;
constexpr std::size_t most_listeners = 62;

constexpr std::uint64_t bit_of(int signal) noexcept { return std::uint64_t{1} << (signal - 1); }

struct listener {
  std::atomic<std::uint64_t> wanted{0};
  std::atomic<std::uint64_t> pending{0};
  std::atomic<int> event{-1};      // never closed
  descriptor *waited_on = nullptr; // under the table's lock; null: free
};

struct table {
  rt::lock mutex;
  std::array<listener, most_listeners> listeners;
  std::array<struct sigaction, most_signals + 1> before{}; // under the lock; of the signals that are ours
};
constinit table the;

void add_to(int event) noexcept {
  const std::uint64_t one = 1;
  while (write(event, &one, sizeof one) < 0 && errno == EINTR)
    ;
}

void on_signal(int signal) noexcept {
  const int saved = errno;
  for (listener &l : the.listeners)
    if (l.wanted.load(std::memory_order_acquire) & bit_of(signal)) { // pairs with listen_to: its eventfd is there
      l.pending.fetch_or(bit_of(signal), std::memory_order_release); // pairs with take_one
      add_to(l.event.load(std::memory_order_relaxed));
    }
  errno = saved;
}

bool can_be_waited_for(int signal) noexcept {
  switch (signal) {
  case SIGKILL:
  case SIGSTOP:
  case SIGSEGV:
  case SIGBUS:
  case SIGFPE:
  case SIGILL:
  case SIGTRAP:
  case SIGSYS:
  case SIGURG:
    return false;
  default:
    return (signal > 0 && signal < 32) || (signal >= SIGRTMIN && signal <= SIGRTMAX);
  }
}

std::uint64_t mask_of(const int *signals, std::size_t count) {
  std::uint64_t mask = 0;
  for (const int *s = signals; s != signals + count; ++s) {
    if (!can_be_waited_for(*s))
      throw std::invalid_argument("stillpoint: signal " + std::to_string(*s) + " cannot be waited for");
    mask |= bit_of(*s);
  }
  return mask;
}

std::uint64_t wanted_by_any() noexcept STILLPOINT_REQUIRES(the.mutex) {
  std::uint64_t all = 0;
  for (const listener &l : the.listeners)
    all |= l.wanted.load(std::memory_order_relaxed);
  return all;
}

template <class F>
void each_signal(std::uint64_t mask, F f) {
  for (; mask != 0; mask &= mask - 1)
    f(std::countr_zero(mask) + 1);
}

void take_over(int signal) noexcept STILLPOINT_REQUIRES(the.mutex) {
  struct sigaction ours{};
  ours.sa_handler = on_signal;
  ours.sa_flags = SA_RESTART | SA_ONSTACK;
  sigemptyset(&ours.sa_mask);
  sigaction(signal, &ours, &the.before[static_cast<std::size_t>(signal)]);
}

// Unless somebody else has taken it meanwhile.
void give_back(int signal) noexcept STILLPOINT_REQUIRES(the.mutex) {
  struct sigaction now{};
  if (sigaction(signal, nullptr, &now) == 0 && now.sa_handler == on_signal)
    sigaction(signal, &the.before[static_cast<std::size_t>(signal)], nullptr);
}

[[noreturn]] void fail(int error) { throw std::system_error(error, std::system_category(), "stillpoint: signal_set"); }

// A free listener with an eventfd, or null: errno.
listener *find_free() noexcept STILLPOINT_REQUIRES(the.mutex) {
  const auto l = std::find_if(the.listeners.begin(), the.listeners.end(), [](const listener &one) { return !one.waited_on; });
  if (l == the.listeners.end()) {
    errno = EAGAIN;
    return nullptr;
  }
  if (l->event.load(std::memory_order_relaxed) < 0)
    l->event.store(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), std::memory_order_relaxed);
  return l->event.load(std::memory_order_relaxed) < 0 ? nullptr : &*l;
}

listener &listener_of(const descriptor *d) noexcept STILLPOINT_REQUIRES(the.mutex) {
  return *std::find_if(the.listeners.begin(), the.listeners.end(), [d](const listener &one) { return one.waited_on == d; });
}

void stop_listening(listener &l) noexcept STILLPOINT_REQUIRES(the.mutex) {
  const std::uint64_t mask = l.wanted.exchange(0, std::memory_order_relaxed);
  each_signal(mask & ~wanted_by_any(), [](int s) STILLPOINT_UNCHECKED_LOCKING { give_back(s); });
}

listener &find_listener(const descriptor *d) noexcept {
  const rt::lock_guard held(the.mutex);
  return listener_of(d);
}

// A signal's number, or 0.
int take_one(listener &l) noexcept {
  for (std::uint64_t pending = l.pending.load(std::memory_order_acquire); pending != 0;) { // pairs with on_signal
    const std::uint64_t rest = pending & (pending - 1);
    if (!l.pending.compare_exchange_weak(pending, rest, std::memory_order_acq_rel, std::memory_order_acquire))
      continue;
    if (rest != 0)
      add_to(l.event.load(std::memory_order_relaxed));
    return std::countr_zero(pending) + 1;
  }
  return 0;
}

} // namespace

descriptor *open_signals(const int *signals, std::size_t count) {
  const std::uint64_t mask = mask_of(signals, count);
  const rt::lock_guard held(the.mutex);
  listener *const l = find_free();
  const int file = l ? fcntl(l->event.load(std::memory_order_relaxed), F_DUPFD_CLOEXEC, 0) : -1;
  if (file < 0)
    fail(errno);
  descriptor &d = nd::adopt(file, nd::kind::pipe);
  const std::uint64_t fresh = mask & ~wanted_by_any();
  l->waited_on = &d;
  l->pending.store(0, std::memory_order_relaxed);
  l->wanted.store(mask, std::memory_order_release); // pairs with on_signal
  each_signal(fresh, [](int s) STILLPOINT_UNCHECKED_LOCKING { take_over(s); });
  return &d;
}

int wait_for_signal(descriptor *d, std::error_code &ec) {
  const rt::managed_caller caller = STILLPOINT_MANAGED_CALLER();
  rt::worker &w = rt::sched::require_task("signal_set::wait()");
  listener &l = find_listener(d);
  int taken = 0;
  const long n = nd::perform(d, nd::direction::read, w, caller, [&](int file) -> long {
    if ((taken = take_one(l)) != 0)
      return 0;
    std::uint64_t count = 0; // what it counts does not matter: the marks do, which are looked at once more
    const long got = nd::call([&] { return read(file, &count, sizeof count); });
    if ((taken = take_one(l)) != 0)
      return 0;
    return got < 0 ? got : -long{EAGAIN};
  });
  nd::answer(n, ec);
  return taken;
}

void stop_signals(descriptor *d) noexcept {
  {
    const rt::lock_guard held(the.mutex);
    stop_listening(listener_of(d));
  }
  nd::close_handle(d);
}

void close_signals(descriptor *d) noexcept {
  {
    const rt::lock_guard held(the.mutex);
    listener &l = listener_of(d);
    stop_listening(l);
    l.waited_on = nullptr;
  }
  nd::release(*d);
}

} // namespace stillpoint::detail
