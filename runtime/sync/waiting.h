// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What everything in runtime/sync waits with: a task on a list, woken by whoever changes the object, by a deadline, or by a request to stop.
//
// Problem: several parties may want to end one wait at the same time, from any thread, and a task is woken once. Objects may be destroyed by a
// task that was woken, while the waker is still in its call. Mechanism: a waiter is claimed by compare-exchange, and who claims it wakes it;
// one that is claimed before it is parked does not park. Lists are guarded by locks in a table, found by the object's address, so that a waker's
// last access to the object may be the one that lets the waiter go on.
// Invariants: list and links change only under the object's lock; behind wait() the timer is not set. A waiter
// that was claimed by somebody else than a waker may still be on the list: wakers skip it and take it off.
// Rejected: a lock in every object (freed under the last waker, and larger); a task's own link as the list's (a task that was woken by its
// deadline is in a run queue while it still has to be taken off the list).
#ifndef STILLPOINT_RUNTIME_SYNC_WAITING_H
#define STILLPOINT_RUNTIME_SYNC_WAITING_H

#include "sched/direct.h"
#include "stillpoint/detail/waiting.hpp"
#include "sync/spin_lock.h"

namespace stillpoint::rt::sync {

using detail::interrupt_point;
using detail::wait_result;

// The lock that guards the lists of the object at this address; of a few hundred thousand objects several share one.
struct alignas(64) padded_lock {
  spin_lock mutex;
};
inline constexpr unsigned lock_bits = 6;
extern padded_lock list_locks[1u << lock_bits];
inline spin_lock &lock_of(const void *object) noexcept {
  return list_locks[(reinterpret_cast<std::uintptr_t>(object) * 0x9e3779b97f4a7c15u) >> (64 - lock_bits)].mutex;
}

// Lives on the waiting task's stack.
struct list_waiter : timer {
  list_waiter(task &t, interrupt_point *p) noexcept : timer(time_out), who(&t), point(p ? p : &own) { point->task = &t; }

  task *who;
  interrupt_point own;
  interrupt_point *point;
  list_waiter *next = nullptr, *previous = nullptr; // of the list, if linked
  bool linked = false;
  // Has a deadline. Never cleared: claim_first() may be looking at one that time has just claimed and that has not left the list yet.
  bool timed = false;
  // The list's owner's.
  bool exclusive = false;  // shared_mutex: wants to write
  bool handed = false;     // mutex: is the owner now
  std::uint64_t since = 0; // mutex: when it began to wait

private:
  static void time_out(timer &self, task_list &wake) noexcept;
};

// The list whose first waiter is `head`, a ring. Under the object's lock.
void push_back(void *&head, list_waiter &w) noexcept;
void push_front(void *&head, list_waiter &w) noexcept;
void unlink(void *&head, list_waiter &w) noexcept;

// Takes waiters off the list until one could be claimed; `who` is null if there is none. If it was parked, its memory stays, and the caller makes
// its task ready when it has given back the lock; if not, the waiter is gone, and there is nothing to do.
struct claimed {
  list_waiter *who = nullptr;
  bool parked = false;
};
claimed claim_first(void *&head) noexcept;

// The list's only waiter, claimed and taken off, if it has no other, and nobody could claim it but under this lock: to be made ready. Else null.
inline list_waiter *claim_only(void *&head) noexcept {
  auto &w = *static_cast<list_waiter *>(head);
  if (w.next != &w || w.timed || w.point != &w.own || w.own.state.load(std::memory_order_acquire) != wait_result::waiting)
    return nullptr;
  head = nullptr;
  w.linked = false;
  w.own.state.store(wait_result::notified, std::memory_order_release); // pairs with the acquire in wait()
  return &w;
}

// Claims the wait for `r`. False: somebody else has. `parked`: the task is to be made ready.
bool claim(interrupt_point &p, wait_result r, bool &parked) noexcept;

// Parks the calling task until `w` is claimed or `deadline` (ns, or `never`) has come, and says which. `guard`, if not null, is held by the caller
// and given back once the task can be woken. Unless the result is `notified`, the caller takes the waiter off its list (leave()).
wait_result wait(list_waiter &w, spin_lock *guard, std::uint64_t deadline, const managed_caller &caller,
                 const char *what = nullptr) noexcept;

// What the commit of a wait needs, on the waiting task's stack.
struct parking {
  list_waiter &w;
  spin_lock *guard;
  std::uint64_t deadline;
  static bool commit(task &t, void *argument) noexcept;
  static bool commit_plain(task &t,
                           void *argument) noexcept; // if nobody can claim it but under the guard: no deadline, no request from elsewhere
};

// wait() for who is called all the time: in its own frame, since each return behind a switch may be predicted wrongly.
[[gnu::always_inline]] inline wait_result wait_inline(list_waiter &w, spin_lock *guard, std::uint64_t deadline,
                                                      const managed_caller &caller, const char *what) noexcept {
  worker *const here = current_worker;                                       // not to be asked again behind the switch
  const wait_result before = w.point->state.load(std::memory_order_acquire); // pairs with claim()
  if (before != wait_result::preparing) {
    if (guard)
      guard->release(here);
    return before;
  }
  parking p{w, guard, deadline};
  const bool plain = guard && deadline == never && w.point == &w.own;
  sched::park_lightly(*here, caller, plain ? parking::commit_plain : parking::commit, &p, what);
  const wait_result r = w.point->state.load(std::memory_order_acquire); // pairs with claim()
  if (w.timed && r != wait_result::timed_out)                           // else it has fired, and touches nothing of ours any more
    sched::cancel_timer(*w.who->owner, w);
  return r;
}

// Takes `w` off the list if it is still on it. Under the object's lock; true if it was.
bool leave(void *&head, list_waiter &w) noexcept;

// For objects that have nothing else to do: puts `w` on the list under `guard`, held by the caller, waits, and takes it off.
wait_result wait_on(void *&head, list_waiter &w, spin_lock &guard, std::uint64_t deadline, const managed_caller &caller,
                    const char *what = nullptr) noexcept;

// Claims every waiter and wakes them in the order of the list, after giving back `guard`, which the caller holds.
void wake_all(void *&head, spin_lock &guard) noexcept;

// The same for who is alone, and inside, instead of under a lock (sched/sole_locks.h): leaves.
void wake_all_and_leave(void *head, worker &w) noexcept;

} // namespace stillpoint::rt::sync

#endif
