// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See sole_locks.h: the process's.
#include "sched/sole_locks.h"

#include "sched/core.h"
#include "sched/lock.h"

namespace stillpoint::rt {

constinit sole_locks the_sole_locks;

namespace sched {
namespace {

constexpr std::uint64_t nap_ns = 20'000;
constinit lock one_at_a_time; // a leaf

} // namespace

bool begin_sole_locks(bool wanted) noexcept {
  if (wanted) {
    const lock_guard held(one_at_a_time);
    return the_sole_locks.use();
  }
  if (!the_sole_locks.settled())
    share_locks();
  return false;
}

bool end_sole_locks() noexcept {
  const lock_guard held(one_at_a_time);
  the_sole_locks.share();
  // One that is attached from here on finds them shared.
  for (worker *w = all_workers(); w; w = w->next_all)
    if (!sole_locks::outside(w->locks))
      return false;
  the_sole_locks.settle();
  return true;
}

void share_locks() noexcept {
  static constinit std::atomic<std::uint32_t> nobody{0};
  while (!end_sole_locks())
    futex_wait(nobody, 0, monotonic_now() + nap_ns); // whoever is inside has lost its CPU, or is about to leave
}

} // namespace sched
} // namespace stillpoint::rt
