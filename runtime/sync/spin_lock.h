// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The lock of a channel: held for some tens of nanoseconds, taken twice for every value.
//
// Mechanism: one exchange to take it and a plain store to give it back, so nobody is woken by who gives it back; who finds it taken spins, and
// after a while sleeps for a moment at a time (its holder has lost its CPU, which lasts longer than the moment).
// Invariants: held in the runtime only, never over a switch of tasks, but by park's commit; its holder does not wait. Order: among the wait lists (lock.h); several
// at a time in the order of their addresses, and no other of the wait lists' locks with them. The store that gives it back is the holder's last
// access to what it guards.
// Rejected: rt::lock (a second locked instruction to give it back, a fifth of a channel operation); a flag beside the lock that says that
// somebody sleeps (the same instruction, as a fence between the store and the look at the flag).
#ifndef STILLPOINT_RUNTIME_SYNC_SPIN_LOCK_H
#define STILLPOINT_RUNTIME_SYNC_SPIN_LOCK_H

#include "sched/lock.h"

namespace stillpoint::rt::sync {

class spin_lock {
public:
  constexpr spin_lock() noexcept = default;
  spin_lock(const spin_lock &) = delete;
  spin_lock &operator=(const spin_lock &) = delete;

  void acquire() noexcept {
    if (word_.exchange(1, std::memory_order_acquire) != 0) [[unlikely]] // pairs with the release in release()
      acquire_slowly();
  }
  void release() noexcept { word_.store(0, std::memory_order_release); } // pairs with the acquires

private:
  static constexpr int spins = 200;
  static constexpr std::uint64_t nap_ns = 50'000;

  [[gnu::noinline, gnu::cold]] void acquire_slowly() noexcept {
    for (;;) {
      for (int i = 0; i < spins; ++i) {
        if (word_.load(std::memory_order_relaxed) == 0 && word_.exchange(1, std::memory_order_acquire) == 0)
          return;
        __builtin_ia32_pause();
      }
      futex_wait(word_, 1, monotonic_now() + nap_ns); // nobody wakes us: the time does
    }
  }

  std::atomic<std::uint32_t> word_{0};
};

} // namespace stillpoint::rt::sync

#endif
