// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The exported function of <stillpoint/select.hpp>.
//
// Mechanism: first a look at every case without a lock; of those that seem ready one is chosen by lot, and tried under its lock alone. Only if
// none is ready, or another took it meanwhile, come the slow half and selection.h with all locks.
// Invariants: that no case is ready (default, timeout, waiting) is found with all locks held, so there was a moment when it was true of all. Behind
// the commit's last release the waiting task's stack is not touched.
#include "stillpoint/select.hpp"

#include "sync/platform.h"
#include "sync/selection.h"

#include <new>

namespace stillpoint {
namespace rt::sync {
namespace {

using detail::select_case;
using one = selected_case<platform>;
static_assert(sizeof(one) <= sizeof(select_case::scratch) && alignof(one) <= alignof(select_case));

// A number below n. Not kept across a switch: nothing of the caller's is thread-local.
[[gnu::noinline]] std::uint32_t lot(std::uint32_t n) noexcept {
  static constinit thread_local std::uint32_t state = 0;
  std::uint32_t x = state;
  if (x == 0) [[unlikely]]
    x = static_cast<std::uint32_t>(reinterpret_cast<std::uintptr_t>(&state) >> 4) | 1;
  x ^= x << 13; // Marsaglia's xorshift
  x ^= x >> 17;
  x ^= x << 5;
  state = x;
  return static_cast<std::uint32_t>((std::uint64_t{x} * n) >> 32);
}

select_case &case_at(select_case *cases, std::size_t stride, std::size_t i) noexcept {
  return *reinterpret_cast<select_case *>(reinterpret_cast<char *>(cases) + i * stride);
}

// Behind the locks. The channel is the caller's: it lives.
void finish(select_case &c, const progress<platform> &p) {
  const element_type &type = core_of(c.where).type();
  c.completed = p.result == attempt::done;
  if (c.sends) {
    if (p.result == attempt::closed)
      throw_send_on_closed();
    if (p.partner)
      core::finish_send(type, *p.partner, c.value);
  } else if (p.partner) {
    core::finish_receive(type, *p.partner, c.value, c.where->capacity == 0);
  }
}

// Ends the wait, unless a channel did.
struct expiry : timer {
  expiry(waiter_group<platform> &g, task &t) noexcept : timer(fire_now), group(g) { self.who = &t; }
  static void fire_now(timer &t, task_list &wake) noexcept {
    auto &e = static_cast<expiry &>(t);
    if (e.group.claim(e.self))
      wake.push_back(*e.self.who);
  }
  waiter_group<platform> &group;
  waiter<platform> self;
};

struct departure_of_select {
  selection<platform> *waits;
  expiry *timeout; // null: none
  std::uint64_t deadline;
  bool any;
};

// On the scheduler's stack. Without channels nothing holds the task back once the timer is set.
bool commit_select(task &t, void *argument) noexcept {
  const departure_of_select d = *static_cast<departure_of_select *>(argument);
  if (d.timeout)
    sched::set_timer(*t.owner, *d.timeout, d.deadline);
  if (d.any)
    d.waits->unlock_all();
  return true;
}

std::uint64_t deadline_in(std::uint64_t patience) noexcept {
  const std::uint64_t now = monotonic_now();
  return patience < never - now ? now + patience : never - 1;
}

// All that have a channel, in the order of their locks.
bool fill(selection<platform> &all, select_case *cases, std::size_t count, std::size_t stride) noexcept {
  bool any = false;
  for (std::size_t i = 0; i != count; ++i) {
    select_case &c = case_at(cases, stride, i);
    if (!c.where)
      continue;
    one *const made = ::new (static_cast<void *>(c.scratch)) one;
    made->value = c.value;
    made->where = &core_of(c.where);
    made->index = i;
    made->lot = lot(UINT32_MAX);
    made->sends = c.sends;
    all.add(*made);
    any = true;
  }
  all.sort();
  return any;
}

// With all locks, which the commit gives back. The case that a partner or close() ended; null: its time is up.
const one *wait(selection<platform> &all, bool any, std::uint64_t patience, const managed_caller &caller, worker &w) {
  task &t = *w.current;
  scheduler &s = *w.held->owner;
  expiry timeout(all.group, t);
  departure_of_select d{&all, nullptr, 0, any};
  if (patience != detail::no_limit) {
    d.timeout = &timeout;
    d.deadline = deadline_in(patience);
  }
  all.wait(t);
  sched::park(w, caller, commit_select, &d, "select");
  if (d.timeout)
    sched::cancel_timer(s, timeout);
  all.stop_waiting();
  // Acquire: pairs with claim().
  const waiter<platform> *const winner = all.group.winner.load(std::memory_order_acquire);
  return winner == &timeout.self ? nullptr : static_cast<const one *>(winner);
}

[[gnu::noinline]] std::size_t select_slowly(select_case *cases, std::size_t count, std::size_t stride, std::uint64_t patience) {
  const managed_caller caller = STILLPOINT_MANAGED_CALLER();
  worker &w = sched::require_task("select()");
  selection<platform> all;
  const bool any = fill(all, cases, count, stride);
  all.lock_all();
  progress<platform> how{};
  if (const one *const chosen = all.choose(lot, how)) {
    const std::size_t index = chosen->index;
    all.unlock_all();
    finish(case_at(cases, stride, index), how);
    preempt::stop_if_wanted(caller);
    return index;
  }
  if (patience == 0) {
    all.unlock_all();
    preempt::stop_if_wanted(caller);
    return detail::no_case;
  }
  const one *const ended = wait(all, any, patience, caller, w);
  if (!ended)
    return detail::no_case;
  if (!ended->completed && ended->sends)
    throw_send_on_closed();
  case_at(cases, stride, ended->index).completed = ended->completed;
  return ended->index;
}

} // namespace
} // namespace rt::sync

std::size_t detail::select_among(select_case *cases, std::size_t count, std::size_t stride, std::uint64_t patience) {
  using namespace rt::sync;
  select_case *chosen = nullptr;
  std::size_t index = 0;
  std::uint32_t ready = 0;
  for (std::size_t i = 0; i != count; ++i) {
    select_case &c = case_at(cases, stride, i);
    if (!c.where)
      continue;
    const core &channel = core_of(c.where);
    if ((c.sends ? channel.send_would_go() : channel.receive_would_go()) && (++ready == 1 || lot(ready) == 0)) {
      chosen = &c;
      index = i;
    }
  }
  if (rt::worker *const w = rt::current_worker; chosen && !stop_wanted(w)) {
    core &channel = core_of(chosen->where);
    channel.mutex.acquire(w);
    const progress<platform> p = chosen->sends ? channel.begin_send(chosen->value) : channel.begin_receive(chosen->value);
    channel.mutex.release(w);
    if (p.result != attempt::would_wait) {
      finish(*chosen, p);
      return index;
    }
  }
  [[clang::musttail]] return select_slowly(cases, count, stride, patience);
}

} // namespace stillpoint
