// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// wait_group: a count, and the tasks that wait for it to reach zero.
//
// Problem: the one who waits may destroy the group as soon as wait() returns, while the last done() is still running. Mechanism: the lock
// is not in the group but in a table, found by the group's address, and the count's step to zero is the last thing that done() does to
// the group, with the waiters taken off it.
// Rejected: a lock in the group (freed under the last done()).
#include "stillpoint/wait_group.hpp"

#include "fatal.h"
#include "sync/waiting.h"

#include <utility>

namespace stillpoint {

wait_group::~wait_group() {
  if (waiters_)
    rt::fatal("wait_group destroyed while tasks wait for it");
}

namespace {

[[noreturn, gnu::cold, gnu::noinline]] void too_many_done() { rt::fatal("wait_group: more done() than add()"); }

} // namespace

void wait_group::add(std::ptrdiff_t n) {
  if (rt::worker *const w = rt::current_worker; w && rt::the_sole_locks.enter(w->locks)) {
    const std::ptrdiff_t sum = count_.load(std::memory_order_relaxed) + n;
    if (n < 0 && sum < 0) [[unlikely]]
      too_many_done();
    void *woken = nullptr;
    if (sum == 0)
      woken = std::exchange(waiters_, nullptr);
    count_.store(sum, std::memory_order_release); // pairs with the acquires in the waits. The last access to the group
    if (woken) {
      const rt::sync::list_waiter *const only = rt::sync::claim_only(woken);
      if (!only) [[unlikely]]
        return rt::sync::wake_all_and_leave(woken, *w);
      rt::the_sole_locks.leave(w->locks);
      return rt::sched::ready(*only->who);
    }
    rt::the_sole_locks.leave(w->locks);
    return;
  }
  if (!rt::the_sole_locks.settled())
    rt::sched::share_locks();
  for (std::ptrdiff_t seen = count_.load(std::memory_order_relaxed);;) {
    if (n < 0 && seen < -n)
      too_many_done();
    if (n >= 0 || seen + n != 0) {
      // Release: what this task did comes before the waiters' return. A read-modify-write by others keeps that order.
      if (count_.compare_exchange_weak(seen, seen + n, std::memory_order_release, std::memory_order_relaxed))
        return;
    } else if (reach_zero(seen)) {
      return;
    } else {
      seen = count_.load(std::memory_order_relaxed);
    }
  }
}

bool wait_group::reach_zero(std::ptrdiff_t expected) {
  rt::sync::spin_lock &mutex = rt::sync::lock_of(this);
  mutex.acquire();
  void *woken = std::exchange(waiters_, nullptr);
  // Acquire and release: pairs with the acquires in the waits. The last access to the group, if it succeeds.
  if (!count_.compare_exchange_strong(expected, 0, std::memory_order_acq_rel, std::memory_order_relaxed)) {
    waiters_ = woken;
    mutex.release();
    return false;
  }
  rt::sync::wake_all(woken, mutex);
  return true;
}

// Without a deadline, and nobody but a done() may end it: the waiter is off the list then.
void wait_group::wait() {
  const rt::managed_caller caller = STILLPOINT_MANAGED_CALLER();
  rt::worker *const here = rt::current_worker;
  rt::worker &w = rt::sched::may_wait(here) ? *here : rt::sched::require_task("wait_group::wait()");
  if (try_wait())
    return;
  rt::sync::spin_lock &mutex = rt::sync::lock_of(this);
  mutex.acquire(&w);
  if (try_wait())
    return mutex.release(&w);
  rt::sync::list_waiter self(*w.current, nullptr);
  rt::sync::push_back(waiters_, self);
  rt::sync::wait_inline(self, &mutex, detail::no_deadline, caller, "wait_group");
}

bool wait_group::wait(std::uint64_t deadline, detail::interrupt_point *point) {
  const rt::managed_caller caller = STILLPOINT_MANAGED_CALLER();
  return wait_until_zero("wait_group::wait()", deadline, point, caller);
}

bool wait_group::wait_until_zero(const char *call, std::uint64_t deadline, detail::interrupt_point *point,
                                 const rt::managed_caller &caller) {
  rt::worker *const here = rt::current_worker;
  rt::worker &w = rt::sched::may_wait(here) ? *here : rt::sched::require_task(call);
  if (try_wait())
    return true;
  rt::sync::spin_lock &mutex = rt::sync::lock_of(this);
  mutex.acquire();
  if (try_wait()) {
    mutex.release();
    return true;
  }
  rt::sync::list_waiter self(*w.current, point);
  return rt::sync::wait_on(waiters_, self, mutex, deadline, caller, "wait_group") == detail::wait_result::notified;
}

} // namespace stillpoint
