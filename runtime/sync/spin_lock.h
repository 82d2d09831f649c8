// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The lock of a channel, or of lists of waiters: held for some tens of nanoseconds, taken twice for every value.
//
// Mechanism: with one processor its worker takes it alone, by plain stores (sched/sole_locks.h). Else one exchange to take it and a plain store to give
// it back, so nobody is woken by who gives it back; who finds it taken spins, and after a while sleeps for a moment at a time (its holder has lost its
// CPU, which lasts longer than the moment).
// Invariants: held in the runtime only, never over a switch of tasks, but by park's commit, which gives it back on the same thread; its holder does not
// wait. Order: among the wait lists (lock.h); several at a time in the order of their addresses, and no other of the wait lists' locks with them. The
// store that gives it back is the holder's last access to what it guards.
// Rejected: rt::lock (a second locked instruction to give it back, a fifth of a channel operation); a flag beside the lock that says that
// somebody sleeps (the same instruction, as a fence between the store and the look at the flag).
#ifndef STILLPOINT_RUNTIME_SYNC_SPIN_LOCK_H
#define STILLPOINT_RUNTIME_SYNC_SPIN_LOCK_H

#include "sched/core.h"
#include "sched/lock.h"

namespace stillpoint::rt::sync {

// A platform has: atomic<T>, sole() (the basic_sole_locks), share() (returns when they are settled), pause(word, round) (the lock is taken; returns some
// time later).
template <class P>
class basic_spin_lock {
public:
  using side = typename P::side;

  constexpr basic_spin_lock() noexcept = default;
  basic_spin_lock(const basic_spin_lock &) = delete;
  basic_spin_lock &operator=(const basic_spin_lock &) = delete;

  // `s`: the calling thread's, or null.
  [[gnu::always_inline]] void acquire(side *s) noexcept {
    if (!s || !P::sole().enter(*s))
      acquire_word();
  }
  [[gnu::always_inline]] void release(side *s) noexcept {
    if (!s || !P::sole().leave(*s))
      release_word();
  }

  // The same for who knows that he is not inside.
  [[gnu::always_inline]] void acquire_word() noexcept {
    if (!P::sole().settled()) [[unlikely]]
      P::share();
    if (word_.exchange(1, std::memory_order_acquire) != 0) [[unlikely]] // pairs with the release in release_word()
      acquire_slowly();
  }
  [[gnu::always_inline]] void release_word() noexcept { word_.store(0, std::memory_order_release); } // pairs with the acquires

private:
  [[gnu::noinline, gnu::cold]] void acquire_slowly() noexcept {
    for (unsigned round = 0;; ++round) {
      if (word_.load(std::memory_order_relaxed) == 0 && word_.exchange(1, std::memory_order_acquire) == 0)
        return;
      P::pause(word_, round);
    }
  }

  typename P::template atomic<std::uint32_t> word_{0};
};

struct process_locks {
  template <class T>
  using atomic = std::atomic<T>;
  using side = sole_locks::side;
  static sole_locks &sole() noexcept { return the_sole_locks; }
  static void share() noexcept { sched::share_locks(); }
  static void pause(std::atomic<std::uint32_t> &word, unsigned round) noexcept {
    constexpr unsigned spins = 200;
    constexpr std::uint64_t nap_ns = 50'000;
    if (round % spins != spins - 1)
      __builtin_ia32_pause();
    else
      futex_wait(word, 1, monotonic_now() + nap_ns); // nobody wakes us: the time does
  }
};

inline sole_locks::side *side_of(worker *w) noexcept { return w ? &w->locks : nullptr; }

class spin_lock {
public:
  // `w`: the calling thread's worker, or null. Who takes none may have switched since it last knew: it asks.
  [[gnu::always_inline]] void acquire(worker *w) noexcept { lock_.acquire(side_of(w)); }
  [[gnu::always_inline]] void release(worker *w) noexcept { lock_.release(side_of(w)); }
  [[gnu::always_inline]] void acquire_word() noexcept { lock_.acquire_word(); }
  [[gnu::always_inline]] void release_word() noexcept { lock_.release_word(); }
  void acquire() noexcept { acquire(this_worker()); }
  void release() noexcept { release(this_worker()); }

private:
  basic_spin_lock<process_locks> lock_;
};

class spin_guard {
public:
  explicit spin_guard(spin_lock &l) noexcept : lock_(l) { lock_.acquire(); }
  ~spin_guard() { lock_.release(); }
  spin_guard(const spin_guard &) = delete;
  spin_guard &operator=(const spin_guard &) = delete;

private:
  spin_lock &lock_;
};

} // namespace stillpoint::rt::sync

#endif
