// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See waiting.h.
#include "sync/waiting.h"

namespace stillpoint::rt::sync {

constinit padded_lock list_locks[1u << lock_bits];

bool parking::commit_plain(task &, void *argument) noexcept {
  const auto &p = *static_cast<const parking *>(argument);
  spin_lock *const guard = p.guard;
  p.w.own.state.store(wait_result::waiting, std::memory_order_relaxed);
  guard->release(current_worker);
  return true;
}

// Behind the exchange the task may be running again, and its stack is not ours; but not past the guard.
bool parking::commit(task &t, void *argument) noexcept {
  const auto &p = *static_cast<const parking *>(argument);
  spin_lock *const guard = p.guard;
  if (p.deadline != never) {
    p.w.timed = true;
    sched::set_timer(*t.owner, p.w, p.deadline);
  }
  wait_result seen = wait_result::preparing;
  // Release: pairs with the acquire of whoever claims it. Acquire: pairs with the release of who has.
  const bool parked =
      p.w.point->state.compare_exchange_strong(seen, wait_result::waiting, std::memory_order_acq_rel, std::memory_order_acquire);
  if (guard)
    guard->release(current_worker);
  return parked;
}

void list_waiter::time_out(timer &self, task_list &wake) noexcept {
  auto &w = static_cast<list_waiter &>(self);
  task *const who = w.who;
  __builtin_prefetch(&who->state, 1);
  bool parked = false;
  if (claim(*w.point, wait_result::timed_out, parked) && parked)
    wake.push_back(*who);
}

void push_back(void *&head, list_waiter &w) noexcept {
  w.linked = true;
  auto *const first = static_cast<list_waiter *>(head);
  if (!first) {
    head = w.next = w.previous = &w;
    return;
  }
  w.next = first;
  w.previous = first->previous;
  first->previous->next = &w;
  first->previous = &w;
}

void push_front(void *&head, list_waiter &w) noexcept {
  push_back(head, w);
  head = &w;
}

void unlink(void *&head, list_waiter &w) noexcept {
  w.linked = false;
  if (w.next == &w) {
    head = nullptr;
    return;
  }
  w.next->previous = w.previous;
  w.previous->next = w.next;
  if (head == &w)
    head = w.next;
}

bool claim(interrupt_point &p, wait_result r, bool &parked) noexcept {
  wait_result seen = p.state.load(std::memory_order_relaxed);
  while (seen == wait_result::preparing || seen == wait_result::waiting)
    // Acquire: pairs with the commit's release. Release: what the claimer did comes before the waiter's return.
    if (p.state.compare_exchange_weak(seen, r, std::memory_order_acq_rel, std::memory_order_relaxed)) {
      parked = seen == wait_result::waiting;
      return true;
    }
  return false;
}

claimed claim_first(void *&head) noexcept {
  while (head) {
    auto &w = *static_cast<list_waiter *>(head);
    unlink(head, w);
    // Parked, and nobody can claim it but under this lock: see commit().
    if (w.point == &w.own && w.own.state.load(std::memory_order_acquire) == wait_result::waiting && !w.timed) {
      w.own.state.store(wait_result::notified, std::memory_order_release); // pairs with the acquire in wait()
      return {&w, true};
    }
    bool parked = false;
    if (claim(*w.point, wait_result::notified, parked))
      return {&w, parked};
  }
  return {};
}

wait_result wait(list_waiter &w, spin_lock *guard, std::uint64_t deadline, const managed_caller &caller, const char *what) noexcept {
  return wait_inline(w, guard, deadline, caller, what);
}

bool leave(void *&head, list_waiter &w) noexcept {
  if (!w.linked)
    return false;
  unlink(head, w);
  return true;
}

wait_result wait_on(void *&head, list_waiter &w, spin_lock &guard, std::uint64_t deadline, const managed_caller &caller,
                    const char *what) noexcept {
  push_back(head, w);
  const wait_result r = wait(w, &guard, deadline, caller, what);
  if (r != wait_result::notified) { // else the object may be gone
    const spin_guard held(guard);
    leave(head, w);
  }
  return r;
}

void wake_all(void *&head, spin_lock &guard) noexcept {
  task_list woken;
  for (claimed c = claim_first(head); c.who; c = claim_first(head))
    if (c.parked)
      woken.push_back(*c.who->who);
  guard.release();
  while (task *const t = woken.pop_front())
    sched::ready(*t);
}

void wake_all_and_leave(void *head, worker &w) noexcept {
  const claimed first = claim_first(head);
  if (!head) [[likely]] { // nothing else to be kept
    the_sole_locks.leave(w.locks);
    if (first.parked)
      sched::ready(*first.who->who);
    return;
  }
  task_list woken;
  for (claimed c = first; c.who; c = claim_first(head))
    if (c.parked)
      woken.push_back(*c.who->who);
  the_sole_locks.leave(w.locks);
  while (task *const t = woken.pop_front())
    sched::ready(*t);
}

} // namespace stillpoint::rt::sync

void stillpoint::detail::interrupt(interrupt_point &p) noexcept {
  bool parked = false;
  if (rt::sync::claim(p, wait_result::stopped, parked) && parked) // parked: it stays until it is made ready
    rt::sched::ready(*static_cast<rt::task *>(p.task));
}
