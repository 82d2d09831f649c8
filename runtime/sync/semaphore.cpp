// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The semaphore's slow halves: no permit is there, or somebody waits.
//
// Invariant: while tasks wait there are no permits, so the word is exactly `parked`, and only who holds the list's lock changes it. A permit
// given then goes straight to the first that waits. Rejected: letting others take it first, as with a mutex (permits are often held long, and
// then the order is what matters).
#include "stillpoint/semaphore.hpp"

#include "sync/spinning.h"
#include "sync/waiting.h"

namespace stillpoint::detail {
namespace {

using state = semaphore_state;

// Takes a permit, or says that somebody waits. Under the list's lock.
bool take_or_announce(state &s) noexcept {
  for (std::ptrdiff_t seen = s.word.load(std::memory_order_relaxed);;) {
    if (seen == state::parked)
      return false;
    const std::ptrdiff_t wanted = seen >= state::one ? seen - state::one : state::parked;
    if (s.word.compare_exchange_weak(seen, wanted, std::memory_order_acquire, std::memory_order_relaxed)) // pairs with release()
      return wanted != state::parked;
  }
}

bool spin_for_permit(state &s) noexcept {
  for (unsigned round = 0; rt::sync::spin(round); ++round) {
    std::ptrdiff_t seen = s.word.load(std::memory_order_relaxed);
    if (seen >= state::one && s.word.compare_exchange_weak(seen, seen - state::one, std::memory_order_acquire, std::memory_order_relaxed))
      return true;
  }
  return false;
}

} // namespace

bool acquire_slowly(state &s, std::uint64_t deadline, interrupt_point *point) {
  const rt::managed_caller caller = STILLPOINT_MANAGED_CALLER();
  rt::worker &w = rt::sched::require_task("semaphore's acquire()");
  if (spin_for_permit(s))
    return true;
  rt::sync::spin_lock &list = rt::sync::lock_of(&s);
  list.acquire();
  if (take_or_announce(s)) {
    list.release();
    return true;
  }
  rt::sync::list_waiter self(*w.current, point);
  rt::sync::push_back(s.waiters, self);
  if (rt::sync::wait(self, &list, deadline, caller, "semaphore") == wait_result::notified)
    return true;
  const rt::sync::spin_guard held(list);
  if (rt::sync::leave(s.waiters, self) && !s.waiters)
    s.word.store(0, std::memory_order_relaxed);
  return false;
}

void release_slowly(state &s, std::ptrdiff_t n) noexcept {
  rt::task_list woken;
  rt::sync::spin_lock &list = rt::sync::lock_of(&s);
  list.acquire();
  while (n > 0)
    if (const rt::sync::claimed c = rt::sync::claim_first(s.waiters); c.who) {
      woken.push_back(*c.who->who); // parked under the list's lock
      --n;
    } else {
      break;
    }
  // Release: pairs with the acquires of who takes one. With permits left, or without waiters, the word says how many there are.
  if (s.waiters)
    s.word.store(state::parked, std::memory_order_release);
  else if (s.word.load(std::memory_order_relaxed) == state::parked)
    s.word.store(n * state::one, std::memory_order_release);
  else
    s.word.fetch_add(n * state::one, std::memory_order_release); // the last that waited gave up meanwhile
  list.release();
  while (rt::task *const t = woken.pop_front())
    rt::sched::ready(*t);
}

} // namespace stillpoint::detail
