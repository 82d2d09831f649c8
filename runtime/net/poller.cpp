// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See poller.h.
#include "net/poller.h"

#include "sched/poller.h"
#include "sched/scheduler.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

namespace stillpoint::net::detail {
namespace {

constexpr std::uint32_t interest = EPOLLIN | EPOLLOUT | EPOLLPRI | EPOLLRDHUP | EPOLLET;
constexpr std::uint32_t opens_reading = EPOLLIN | EPOLLPRI | EPOLLRDHUP | EPOLLHUP | EPOLLERR;
constexpr std::uint32_t opens_writing = EPOLLOUT | EPOLLHUP | EPOLLERR;
// After these a short read does not say that nothing is left.
constexpr std::uint32_t leaves_doubt = EPOLLPRI | EPOLLRDHUP | EPOLLHUP | EPOLLERR;

struct instance {
  rt::lock mutex;
  int events = -1; // epoll's
  int alarm = -1;  // eventfd's
  bool fork_handled = false;
  std::atomic<std::uint32_t> epoch{1};
  alignas(64) std::atomic<std::uint32_t> files{0}; // that are registered
};
constinit instance the;
constinit std::atomic<bool> ready{false};

// The pool's lock and ours are leaves: held over fork(), the child finds them free.
void before_fork() noexcept STILLPOINT_UNCHECKED_LOCKING {
  the.mutex.acquire();
  lock_pool_for_fork();
}
void after_fork() noexcept STILLPOINT_UNCHECKED_LOCKING {
  unlock_pool_after_fork();
  the.mutex.release();
}
void forget_in_child() noexcept {
  after_fork();
  if (!ready.load(std::memory_order_relaxed))
    return;
  ::close(the.events);
  ::close(the.alarm);
  the.events = the.alarm = -1;
  ready.store(false, std::memory_order_relaxed);
  the.epoch.fetch_add(1, std::memory_order_relaxed);
  the.files.store(0, std::memory_order_relaxed);
}

// The kernel's word for a descriptor: user addresses have 47 bits, and one more for five-level paging does not come unasked.
constexpr unsigned generation_shift = 48;
std::uint64_t word_for(const descriptor &d) noexcept {
  return reinterpret_cast<std::uintptr_t>(&d) | std::uint64_t{d.generation.load(std::memory_order_relaxed)} << generation_shift;
}
descriptor *descriptor_of(std::uint64_t word) noexcept {
  auto *const d = reinterpret_cast<descriptor *>(word & ((std::uint64_t{1} << generation_shift) - 1));
  return d->generation.load(std::memory_order_relaxed) == word >> generation_shift ? d : nullptr;
}

bool has_files() noexcept { return the.files.load(std::memory_order_relaxed) != 0; }
constinit const rt::poller for_scheduler{poll, interrupt_poll, has_files, anyone_waits};

// An epoll instance and an eventfd in it. Returns 0 or an error.
int make_files(int &events, int &alarm) noexcept {
  events = epoll_create1(EPOLL_CLOEXEC);
  alarm = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  epoll_event event{};
  event.events = EPOLLIN; // until somebody who waits has read it: else one that does not wait would take it away
  if (events >= 0 && alarm >= 0 && epoll_ctl(events, EPOLL_CTL_ADD, alarm, &event) == 0)
    return 0;
  const int error = errno;
  if (events >= 0)
    ::close(events);
  if (alarm >= 0)
    ::close(alarm);
  return error;
}

int open_instance() noexcept {
  const rt::lock_guard held(the.mutex);
  if (ready.load(std::memory_order_relaxed))
    return 0;
  if (!the.fork_handled) {
    if (const int error = pthread_atfork(before_fork, after_fork, forget_in_child))
      return error;
    the.fork_handled = true;
  }
  if (const int error = make_files(the.events, the.alarm))
    return error;
  ready.store(true, std::memory_order_release); // pairs with the acquires below
  rt::sched::set_poller(for_scheduler);
  return 0;
}

void quiet_alarm() noexcept {
  std::uint64_t count;
  while (read(the.alarm, &count, sizeof count) < 0 && errno == EINTR)
    ;
}

// A task of a run() that is over stays where it is.
bool lives(const rt::task &t) noexcept { return rt::sched::is_active(t); }

void take_event(const epoll_event &event, rt::task_list &woken, unsigned &count) noexcept {
  descriptor *const d = descriptor_of(event.data.u64);
  if (!d)
    return; // it has a new life
  if (event.events & leaves_doubt)
    d->hung_up.store(true, std::memory_order_relaxed); // before the gate's release
  const auto open = [&](direction which) {
    if (rt::task *const t = open_gate((*d)[which]); t && lives(*t)) {
      woken.push_back(*t);
      ++count;
    }
  };
  if (event.events & opens_reading)
    open(direction::read);
  if (event.events & opens_writing)
    open(direction::write);
}

} // namespace

int enroll(descriptor &d) noexcept {
  const std::uint32_t epoch = the.epoch.load(std::memory_order_relaxed);
  if (d.registered.load(std::memory_order_relaxed) == epoch)
    return 0;
  if (!ready.load(std::memory_order_acquire))
    if (const int error = open_instance())
      return error;
  {
    const rt::lock_guard held(d.mutex); // both sides may come at once
    if (d.registered.load(std::memory_order_relaxed) == epoch)
      return 0;
    epoll_event event{};
    event.events = interest;
    event.data.u64 = word_for(d);
    if (epoll_ctl(the.events, EPOLL_CTL_ADD, d.file, &event) != 0)
      return errno;
    d.registered.store(epoch, std::memory_order_relaxed);
  }
  the.files.fetch_add(1, std::memory_order_relaxed);
  rt::sched::watch_files();
  return 0;
}

void dismiss(descriptor &d) noexcept {
  // Not left to close(): a child may have the file open as well, and then its events would go on.
  if (d.registered.load(std::memory_order_relaxed) != the.epoch.load(std::memory_order_relaxed))
    return;
  epoll_ctl(the.events, EPOLL_CTL_DEL, d.file, nullptr);
  the.files.fetch_sub(1, std::memory_order_relaxed);
}

unsigned poll(std::uint64_t until, rt::task_list &woken) noexcept {
  if (!ready.load(std::memory_order_acquire)) // pairs with open_instance
    return 0;
  std::array<epoll_event, 128> events;
  timespec patience{};
  if (until != 0 && until != rt::never) {
    const std::uint64_t now = rt::monotonic_now();
    const std::uint64_t left = until - std::min(until, now);
    patience.tv_sec = static_cast<time_t>(left / 1'000'000'000);
    patience.tv_nsec = static_cast<long>(left % 1'000'000'000);
  }
  const int n = epoll_pwait2(the.events, events.data(), events.size(), until == rt::never ? nullptr : &patience, nullptr);
  unsigned count = 0;
  for (int i = 0; i < n; ++i) {
    const epoll_event &event = events[static_cast<std::size_t>(i)];
    if (event.data.u64 != 0)
      take_event(event, woken, count);
    else if (until != 0)
      quiet_alarm();
  }
  return count;
}

void interrupt_poll() noexcept {
  const std::uint64_t one = 1;
  if (ready.load(std::memory_order_acquire))
    while (write(the.alarm, &one, sizeof one) < 0 && errno == EINTR)
      ;
}

} // namespace stillpoint::net::detail
