// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Condition variables: a list of waiters that join it before they give back the user's lock, and park afterwards.
//
// So a waiter may be notified before it is parked, and does not park then. Invariant: one that was notified does not touch the condition any
// more. `any` is a hint for notifications without a lock of ours; who must be notified has set it before the user's lock was given back.
#include "stillpoint/condition_variable.hpp"

#include "sync/waiting.h"

#include <memory>
#include <new>

namespace stillpoint::detail {
namespace {

using rt::sync::list_waiter;
static_assert(sizeof(list_waiter) <= sizeof(wait_node) && alignof(list_waiter) <= alignof(wait_node));

list_waiter &in(wait_node &n) noexcept { return *std::launder(reinterpret_cast<list_waiter *>(n.storage)); }

} // namespace

void enter_condition(condition_state &c, wait_node &n, interrupt_point *point) {
  rt::worker &w = rt::sched::require_task("condition_variable::wait()");
  auto &self = *std::construct_at(reinterpret_cast<list_waiter *>(n.storage), *w.current, point);
  const rt::sync::spin_guard held(rt::sync::lock_of(&c));
  rt::sync::push_back(c.waiters, self);
  c.any.store(true, std::memory_order_relaxed);
}

wait_result wait_in_condition(condition_state &c, wait_node &n, std::uint64_t deadline) {
  const rt::managed_caller caller = STILLPOINT_MANAGED_CALLER();
  rt::sched::require_task("condition_variable::wait()");
  const wait_result r = rt::sync::wait(in(n), nullptr, deadline, caller, "condition variable");
  if (r != wait_result::notified)
    leave_condition(c, n);
  return r;
}

void leave_condition(condition_state &c, wait_node &n) noexcept {
  const rt::sync::spin_guard held(rt::sync::lock_of(&c));
  if (rt::sync::leave(c.waiters, in(n)) && !c.waiters)
    c.any.store(false, std::memory_order_relaxed);
}

void notify(condition_state &c, bool all) noexcept {
  rt::sync::spin_lock &list = rt::sync::lock_of(&c);
  list.acquire();
  if (all) {
    c.any.store(false, std::memory_order_relaxed);
    rt::sync::wake_all(c.waiters, list);
    return;
  }
  const rt::sync::claimed first = rt::sync::claim_first(c.waiters);
  if (!c.waiters)
    c.any.store(false, std::memory_order_relaxed);
  list.release();
  if (first.parked)
    rt::sched::ready(*first.who->who);
}

} // namespace stillpoint::detail
