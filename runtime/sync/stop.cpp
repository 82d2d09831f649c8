// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Requests to stop: a tree of states, each with a list of the waits that it ends and of its children.
//
// A select waits for a token by a channel that the state closes: made by the first that asks for it, closed once. Deadlines need no timer here:
// every wait has its own, at the earlier of the two times. Invariants: the list changes under the state's lock; a
// child is in its parent's list as long as it has owners, and owns the parent. Whoever walks the list takes one entry off at a time, because
// behind the lock an entry may be gone. Rejected: walking up the tree at each question (they are asked in loops).
#include "stillpoint/stop_token.hpp"

#include "stillpoint/chan.hpp"
#include "sync/waiting.h"

#include <algorithm>

namespace stillpoint::detail {

struct stop_state {
  stop_state(stop_state *p, std::uint64_t d) noexcept : parent(p), deadline(p ? std::min(d, p->deadline) : d) { as_child.child = this; }
  ~stop_state() { const channel_handle last(watched.load(std::memory_order_relaxed)); }
  stop_state(const stop_state &) = delete;
  stop_state &operator=(const stop_state &) = delete;

  std::atomic<std::uint32_t> owners{1};
  std::atomic<bool> requested{false};
  stop_state *const parent;
  const std::uint64_t deadline;
  stop_entry as_child; // under the parent's lock
  rt::lock mutex;
  stop_entry *first STILLPOINT_GUARDED_BY(mutex) = nullptr;
  std::atomic<channel *> watched{nullptr}; // what selects wait in; set once, under the lock
  bool watched_closed STILLPOINT_GUARDED_BY(mutex) = false;
};

namespace {

void link(stop_state &s, stop_entry &e) noexcept STILLPOINT_REQUIRES(s.mutex) {
  e.linked = true;
  e.previous = nullptr;
  e.next = s.first;
  if (s.first)
    s.first->previous = &e;
  s.first = &e;
}

void unlink(stop_state &s, stop_entry &e) noexcept STILLPOINT_REQUIRES(s.mutex) {
  if (!e.linked)
    return;
  e.linked = false;
  (e.previous ? e.previous->next : s.first) = e.next;
  if (e.next)
    e.next->previous = e.previous;
}

// One more owner, unless the last has gone.
bool try_add_owner(stop_state &s) noexcept {
  std::uint32_t seen = s.owners.load(std::memory_order_relaxed);
  while (seen != 0)
    if (s.owners.compare_exchange_weak(seen, seen + 1, std::memory_order_relaxed))
      return true;
  return false;
}

// What has to be done for an entry that was taken off the list, without the lock.
struct errand {
  rt::task *wake = nullptr;
  stop_state *child = nullptr;
};

errand take_first(stop_state &s) noexcept STILLPOINT_REQUIRES(s.mutex) {
  errand todo;
  stop_entry &e = *s.first;
  unlink(s, e);
  if (e.child) {
    if (try_add_owner(*e.child))
      todo.child = e.child;
  } else {
    bool parked = false;
    if (rt::sync::claim(*e.point, wait_result::stopped, parked) && parked)
      todo.wake = static_cast<rt::task *>(e.point->task);
  }
  return todo;
}

channel *make_watched(stop_state &s) {
  channel_handle made(new_channel(type_of_element<char>, 0));
  const rt::lock_guard held(s.mutex);
  if (channel *const others = s.watched.load(std::memory_order_relaxed))
    return others;
  s.watched.store(made.get(), std::memory_order_release); // pairs with stop_channel
  return made.release();
}

// Without the lock it wakes those who wait in it.
void close_watched(stop_state &s) {
  {
    const rt::lock_guard held(s.mutex);
    if (s.watched_closed || !s.watched.load(std::memory_order_relaxed))
      return;
    s.watched_closed = true;
  }
  close(s.watched.load(std::memory_order_relaxed));
}

} // namespace

stop_state *make_stop_state(stop_state *parent, std::uint64_t deadline) {
  auto *const s = new stop_state(parent, deadline);
  if (!parent)
    return s;
  add_stop_owner(*parent);
  const rt::lock_guard held(parent->mutex);
  if (parent->requested.load(std::memory_order_relaxed))
    s->requested.store(true, std::memory_order_relaxed);
  else
    link(*parent, s->as_child);
  return s;
}

void add_stop_owner(stop_state &s) noexcept { s.owners.fetch_add(1, std::memory_order_relaxed); }

void release_stop_owner(stop_state &s) noexcept {
  for (stop_state *last = &s; last && last->owners.fetch_sub(1, std::memory_order_acq_rel) == 1;) { // pairs with the others' releases
    stop_state *const parent = last->parent;
    if (parent) {
      const rt::lock_guard held(parent->mutex);
      unlink(*parent, last->as_child);
    }
    delete last;
    last = parent;
  }
}

bool request_stop(stop_state &s) noexcept {
  {
    const rt::lock_guard held(s.mutex);
    if (s.requested.exchange(true, std::memory_order_release)) // pairs with reason_to_stop
      return false;
  }
  close_watched(s);
  for (;;) {
    errand todo;
    {
      const rt::lock_guard held(s.mutex);
      if (!s.first)
        return true;
      todo = take_first(s);
    }
    if (todo.wake)
      rt::sched::ready(*todo.wake);
    if (todo.child) {
      request_stop(*todo.child);
      release_stop_owner(*todo.child);
    }
  }
}

stop_reason reason_to_stop(const stop_state &s) noexcept {
  if (s.requested.load(std::memory_order_acquire)) // pairs with request_stop
    return stop_reason::requested;
  return s.deadline != no_deadline && rt::monotonic_now() >= s.deadline ? stop_reason::deadline : stop_reason::none;
}

std::uint64_t stop_deadline(const stop_state &s) noexcept { return s.deadline; }

void enter_stop_list(stop_state &s, stop_entry &e) noexcept {
  const rt::lock_guard held(s.mutex);
  if (s.requested.load(std::memory_order_relaxed))
    e.point->state.store(wait_result::stopped, std::memory_order_relaxed); // nobody else knows of it yet
  else
    link(s, e);
}

void leave_stop_list(stop_state &s, stop_entry &e) noexcept {
  const rt::lock_guard held(s.mutex);
  unlink(s, e);
}

channel *stop_channel(stop_state &s) {
  channel *c = s.watched.load(std::memory_order_acquire); // pairs with make_watched
  if (!c)
    c = make_watched(s);
  if (reason_to_stop(s) != stop_reason::none)
    close_watched(s);
  return c;
}

wait_result sleep_until(std::uint64_t deadline, interrupt_point &point) {
  const rt::managed_caller caller = STILLPOINT_MANAGED_CALLER();
  rt::worker &w = rt::sched::require_task("sleep_for()");
  rt::sync::list_waiter self(*w.current, &point);
  return rt::sync::wait(self, nullptr, deadline, caller, "sleep");
}

} // namespace stillpoint::detail
