// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The shared mutex's slow halves: somebody has it, or waits for it.
//
// Mechanism: while tasks wait it is never free; whoever gives it back hands it to some of them. A writer hands it to all readers that wait, else
// to the first writer; the last reader to the first writer. Invariants: `parked` is set exactly if the list is not empty (those that have given
// up may be in it still), and changes only under the list's lock; with it set nobody gets the lock without that. Readers wait only behind
// a writer: one that gives up lets them in, if readers have the lock.
// Rejected: Go's construction (a mutex for writers, counts, two semaphores), whose last step touches the lock when somebody else may have it.
#include "stillpoint/shared_mutex.hpp"

#include "fatal.h"
#include "sync/spinning.h"
#include "sync/waiting.h"

namespace stillpoint::detail {
namespace {

using rt::lock;
using rt::sync::list_waiter;
using state = shared_mutex_state;

// Under the list's lock from here on -----------------------------------------------------------------------------------------------------

// Claims the waiters of one kind, all or the first; takes off the list those that have given up on the way.
unsigned claim_kind(state &m, bool exclusive, bool all, rt::task_list &woken) noexcept {
  unsigned count = 0;
  auto *w = static_cast<list_waiter *>(m.waiters);
  auto *const last = w ? w->previous : nullptr;
  for (list_waiter *next = nullptr; w; w = w == last ? nullptr : next) {
    next = w->next;
    if (w->exclusive != exclusive)
      continue;
    const bool was_last = w == last;
    rt::task *const who = w->who;
    rt::sync::unlink(m.waiters, *w);
    bool parked = false;
    if (rt::sync::claim(*w->point, wait_result::notified, parked)) { // parked: it joined the list under its lock
      woken.push_back(*who);
      ++count;
      if (!all)
        break;
    }
    if (was_last)
      break;
  }
  return count;
}

// Nobody has the lock any more but the caller, who gives it away.
void hand_over(state &m, bool readers_first, rt::task_list &woken) noexcept {
  std::uint32_t word = claim_kind(m, !readers_first, readers_first, woken) * (readers_first ? state::reader : state::writer);
  if (word == 0)
    word = claim_kind(m, readers_first, !readers_first, woken) * (readers_first ? state::writer : state::reader);
  // Release: pairs with the acquires of who gets it. The last access to the lock, if nobody waits.
  m.word.store(word | (m.waiters ? state::parked : 0), std::memory_order_release);
}

bool writer_waits(const state &m) noexcept {
  const auto *const first = static_cast<const list_waiter *>(m.waiters);
  const list_waiter *w = first;
  do {
    if (w->exclusive)
      return true;
    w = w->next;
  } while (w != first);
  return false;
}

void give_up(state &m, list_waiter &self, rt::task_list &woken) noexcept {
  if (!rt::sync::leave(m.waiters, self))
    return;
  if (!m.waiters) {
    m.word.fetch_and(~state::parked, std::memory_order_relaxed);
  } else if (m.word.load(std::memory_order_relaxed) >= state::reader && !writer_waits(m)) {
    // Readers may leave meanwhile, down to the last, who waits for the list.
    m.word.fetch_add(claim_kind(m, false, true, woken) * state::reader, std::memory_order_acq_rel);
    if (!m.waiters)
      m.word.fetch_and(~state::parked, std::memory_order_relaxed);
  }
}

// Takes the lock, or says that somebody waits. `blocking`: the bits that keep the caller out; `share`: what it adds.
bool take_or_announce(state &m, std::uint32_t blocking, std::uint32_t share) noexcept {
  for (std::uint32_t seen = m.word.load(std::memory_order_relaxed);;) {
    const bool can = (seen & blocking) == 0;
    // Acquire: pairs with the releases in the unlocks.
    if (m.word.compare_exchange_weak(seen, can ? seen + share : seen | state::parked, std::memory_order_acquire, std::memory_order_relaxed))
      return can;
  }
}

// -----------------------------------------------------------------------------------------------------------------------------------------

void make_ready(rt::task_list &woken) noexcept {
  while (rt::task *const t = woken.pop_front())
    rt::sched::ready(*t);
}

bool spin_for(state &m, std::uint32_t blocking, std::uint32_t share) noexcept {
  for (unsigned round = 0; rt::sync::spin(round); ++round) {
    std::uint32_t seen = m.word.load(std::memory_order_relaxed);
    if ((seen & blocking) == 0 && m.word.compare_exchange_weak(seen, seen + share, std::memory_order_acquire, std::memory_order_relaxed))
      return true;
  }
  return false;
}

bool lock_until(state &m, bool exclusive, std::uint64_t deadline, const rt::managed_caller &caller) {
  rt::worker &w = rt::sched::require_task("shared_mutex's lock()");
  const std::uint32_t blocking = exclusive ? ~0u : state::writer | state::parked;
  const std::uint32_t share = exclusive ? state::writer : state::reader;
  if (spin_for(m, blocking, share))
    return true;
  rt::sync::spin_lock &list = rt::sync::lock_of(&m);
  list.acquire();
  if (take_or_announce(m, blocking, share)) {
    list.release();
    return true;
  }
  list_waiter self(*w.current, nullptr);
  self.exclusive = exclusive;
  rt::sync::push_back(m.waiters, self);
  if (rt::sync::wait(self, &list, deadline, caller, "shared mutex") == wait_result::notified)
    return true;
  rt::task_list woken;
  list.acquire();
  give_up(m, self, woken);
  list.release();
  make_ready(woken);
  return false;
}

void unlock(state &m, bool exclusive, std::uint32_t held) noexcept {
  rt::task_list woken;
  rt::sync::spin_lock &list = rt::sync::lock_of(&m);
  list.acquire();
  // Those that waited may have given up meanwhile, or other readers come in or gone.
  for (std::uint32_t seen = m.word.load(std::memory_order_acquire);;) { // acquire: what the other readers did goes to the next writer, too
    if (seen == (held | state::parked)) {
      hand_over(m, exclusive, woken);
      break;
    }
    if (seen < held || (exclusive ? (seen & state::writer) == 0 : (seen & state::writer) != 0))
      rt::fatal(exclusive ? "unlock() of a shared_mutex that nobody has locked"
                          : "unlock_shared() of a shared_mutex that nobody has locked");
    if (m.word.compare_exchange_weak(seen, seen - held, std::memory_order_release, std::memory_order_acquire))
      break;
  }
  list.release();
  make_ready(woken);
}

} // namespace

bool lock_slowly(shared_mutex_state &m, std::uint64_t deadline) {
  const rt::managed_caller caller = STILLPOINT_MANAGED_CALLER();
  return lock_until(m, true, deadline, caller);
}

bool lock_shared_slowly(shared_mutex_state &m, std::uint64_t deadline) {
  const rt::managed_caller caller = STILLPOINT_MANAGED_CALLER();
  return lock_until(m, false, deadline, caller);
}

void unlock_slowly(shared_mutex_state &m) noexcept { unlock(m, true, state::writer); }
void unlock_shared_slowly(shared_mutex_state &m) noexcept { unlock(m, false, state::reader); }

} // namespace stillpoint::detail
