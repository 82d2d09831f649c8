// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The mutex's host: mutex_protocol.h says how it works.
#include "stillpoint/mutex.hpp"

#include "fatal.h"
#include "sync/mutex_protocol.h"
#include "sync/spinning.h"
#include "sync/waiting.h"

namespace stillpoint::rt::sync {
namespace {

using detail::mutex_state;
static_assert(mutex_state::locked == mutex_bits::locked);

class mutex_host {
public:
  enum class woke { with_lock, to_try, gave_up };

  // For unlock() `w` and `caller` are null.
  mutex_host(mutex_state &m, list_waiter *w, const managed_caller *caller, std::uint64_t deadline) noexcept
      : m_(m), list_(lock_of(&m)), self_(w), caller_(caller), deadline_(deadline) {}

  [[nodiscard]] std::uint32_t load() const noexcept { return m_.word.load(std::memory_order_relaxed); }
  bool change(std::uint32_t &seen, std::uint32_t wanted, std::memory_order order) noexcept {
    return m_.word.compare_exchange_weak(seen, wanted, order, std::memory_order_relaxed);
  }
  void lock_list() noexcept { list_.acquire(); }
  void unlock_list() noexcept { list_.release(); }
  [[nodiscard]] bool list_empty() const noexcept { return m_.waiters == nullptr; }

  static bool spin(unsigned round) noexcept { return sync::spin(round); }
  void start() noexcept { self_->since = monotonic_now(); }
  [[nodiscard]] std::uint64_t waited() const noexcept { return monotonic_now() - self_->since; }

  woke park(bool front) noexcept {
    self_->own.state.store(wait_result::preparing, std::memory_order_relaxed); // nobody else knows of it
    (front ? push_front : push_back)(m_.waiters, *self_);
    if (wait(*self_, &list_, deadline_, *caller_, "mutex") != wait_result::notified)
      return woke::gave_up;
    return self_->handed ? woke::with_lock : woke::to_try;
  }
  void leave() noexcept { sync::leave(m_.waiters, *self_); }

  // Parked: they join the list and park under its lock.
  [[nodiscard]] list_waiter *claim_first() noexcept { return sync::claim_first(m_.waiters).who; }
  static bool waited_long(const list_waiter *w) noexcept { return monotonic_now() - w->since >= starvation_ns; }
  static void wake(list_waiter *w, bool with_lock) noexcept {
    w->handed = with_lock;
    sched::ready(*w->who);
  }
  [[noreturn]] static void misuse() noexcept { fatal("unlock() of a mutex that nobody has locked"); }

private:
  mutex_state &m_;
  spin_lock &list_;
  list_waiter *self_;
  const managed_caller *caller_;
  std::uint64_t deadline_;
};

bool lock_until(mutex_state &m, std::uint64_t deadline, const char *call, const managed_caller &caller) {
  list_waiter self(*sched::require_task(call).current, nullptr);
  mutex_host host(m, &self, &caller, deadline);
  return mutex_protocol<mutex_host>::lock(host);
}

} // namespace
} // namespace stillpoint::rt::sync

namespace stillpoint::detail {

void lock_slowly(mutex_state &m) {
  const rt::managed_caller caller = STILLPOINT_MANAGED_CALLER();
  rt::sync::lock_until(m, no_deadline, "mutex::lock()", caller);
}

bool lock_slowly_until(mutex_state &m, std::uint64_t deadline) {
  const rt::managed_caller caller = STILLPOINT_MANAGED_CALLER();
  return rt::sync::lock_until(m, deadline, "mutex::try_lock_for()", caller);
}

void unlock_slowly(mutex_state &m) noexcept {
  rt::sync::mutex_host host(m, nullptr, nullptr, no_deadline);
  rt::sync::mutex_protocol<rt::sync::mutex_host>::unlock(host);
}

} // namespace stillpoint::detail
