// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// wait_group: a count, and the tasks that wait for it to reach zero.
//
// Problem: the one who waits may destroy the group as soon as wait() returns, while the last done() is still running. Mechanism: the lock
// is not in the group but in a table, found by the group's address, and the count's step to zero is the last thing that done() does to
// the group.
// Rejected: a lock in the group (freed under the last done()).
#include "stillpoint/wait_group.hpp"

#include "fatal.h"
#include "sched/park.h"

#include <utility>

namespace stillpoint {
namespace {

using rt::lock;
using rt::task;

struct alignas(64) padded_lock {
  lock mutex;
};
constexpr std::size_t lock_count = 64;
constinit padded_lock locks[lock_count];

lock &lock_of(const void *group) noexcept { return locks[(reinterpret_cast<std::uintptr_t>(group) * 0x9e3779b97f4a7c15u) >> 58].mutex; }
static_assert(lock_count == 1u << (64 - 58));

// On the scheduler's stack, by the thread that took the lock in wait().
bool commit_wait(task &, void *mutex) noexcept STILLPOINT_UNCHECKED_LOCKING {
  static_cast<lock *>(mutex)->release();
  return true;
}

// In the order in which they came: the list has the latest first.
void ready_all(task *latest) noexcept {
  task *first = nullptr;
  while (latest) {
    task *const earlier = latest->next;
    latest->next = first;
    first = latest;
    latest = earlier;
  }
  while (first) {
    task *const next = first->next;
    first->next = nullptr;
    rt::sched::ready(*first);
    first = next;
  }
}

} // namespace

wait_group::~wait_group() {
  if (waiters_)
    rt::fatal("wait_group destroyed while tasks wait for it");
}

void wait_group::add(std::ptrdiff_t n) {
  for (std::ptrdiff_t seen = count_.load(std::memory_order_relaxed);;) {
    if (n < 0 && seen < -n)
      rt::fatal("wait_group: more done() than add()");
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
  task *woken = nullptr;
  {
    const rt::lock_guard held(lock_of(this));
    void *const waiters = std::exchange(waiters_, nullptr);
    // Acquire and release: pairs with the acquires in wait(). The last access to the group, if it succeeds.
    if (!count_.compare_exchange_strong(expected, 0, std::memory_order_acq_rel, std::memory_order_relaxed)) {
      waiters_ = waiters;
      return false;
    }
    woken = static_cast<task *>(waiters);
  }
  ready_all(woken);
  return true;
}

void wait_group::wait() STILLPOINT_UNCHECKED_LOCKING {
  rt::worker &w = rt::sched::require_task("wait_group::wait()");
  if (count_.load(std::memory_order_acquire) == 0) // pairs with reach_zero
    return;
  lock &mutex = lock_of(this);
  mutex.acquire();
  if (count_.load(std::memory_order_acquire) == 0) {
    mutex.release();
    return;
  }
  w.current->next = static_cast<task *>(waiters_);
  waiters_ = w.current;
  rt::sched::park(w, STILLPOINT_MANAGED_CALLER(), commit_wait, &mutex);
}

} // namespace stillpoint
