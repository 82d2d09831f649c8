// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How a mutex is waited for and handed on: the protocol alone, over a Host that gives it the word, the list, parking and the clock. The runtime's
// host is in mutex.cpp; test/sync/mutex_model_test.cpp runs it through all interleavings.
//
// The word:  bit 0 locked; 1 woken: a waiter is up and tries for it, so unlock() need not wake another; 2 parked: the list may not be empty;
//            3 starved: the first in the list has waited too long.
// Mechanism, Go's. mutex.hpp tries before it calls: one that is free is taken whatever the other bits say, and given back if nothing but `locked` is set.
// Who comes while it is free takes it, although others wait (they would have to be scheduled first); who comes while it is held
// spins a little, then joins the list. unlock() frees it and wakes the first of the list, which competes with whoever comes and goes back to the
// list's front if it loses. If it has waited for a millisecond by then it sets `starved`: from then on unlock() hands the mutex over, still
// locked, to the first of the list, until that one has waited for less, or is the last.
// Invariants: `parked` and `starved` change only under the list's lock, `parked` is set exactly if the list is not empty (one that has given up
// may be in it still), starved implies parked and locked. A waiter that goes to sleep clears `woken` in the same step that says it is locked:
// whoever unlocks next sees that it has to wake. unlock() does not touch the mutex once somebody else could have it, for that one may destroy it.
// Rejected: handing over always (each unlock costs a switch of tasks); never (a task can lose for ever).
#ifndef STILLPOINT_RUNTIME_SYNC_MUTEX_PROTOCOL_H
#define STILLPOINT_RUNTIME_SYNC_MUTEX_PROTOCOL_H

#include <atomic>
#include <cstdint>

namespace stillpoint::rt::sync {

struct mutex_bits {
  static constexpr std::uint32_t locked = 1, woken = 2, parked = 4, starved = 8;
};
inline constexpr std::uint64_t starvation_ns = 1'000'000;

// A Host has
//   load(), change(seen, wanted, order): the word; a failed change() loads it into `seen`, and it may fail for no reason
//   lock_list(), unlock_list(), list_empty()
//   spin(round): waits a moment, or returns false: not worth it any more
//   start(), waited(): when the wait began, and how long it has lasted in nanoseconds
//   enum class woke { with_lock, to_try, gave_up }; park(front): joins the list at its front or back, gives back its lock, sleeps
//   leave(): under the list's lock, after gave_up: leaves the list if it is still in it
//   claim_first(): under the list's lock; takes the first waiter that has not given up off the list and returns something that tests true
//   waited_long(waiter): whether it has waited for starvation_ns
//   wake(waiter, with_lock), misuse()
template <class Host>
class mutex_protocol : mutex_bits {
public:
  // Returns false only if the host gave up.
  static bool lock(Host &h) {
    attempt self;
    for (unsigned round = 0;;) {
      std::uint32_t seen = h.load();
      if ((seen & locked) == 0) {
        if (h.change(seen, (seen | locked) & ~self.own_bit(), std::memory_order_acquire)) // pairs with the releases in unlock
          return true;
        continue;
      }
      if ((seen & starved) == 0 && h.spin(round++)) {
        self.say_awake(h, seen);
        continue;
      }
      if (self.parks == 0)
        h.start();
      h.lock_list();
      if (!self.announce(h)) {
        h.unlock_list();
        continue;
      }
      switch (h.park(self.parks++ != 0)) {
      case Host::woke::with_lock:
        return true;
      case Host::woke::to_try:
        self.awake = true;
        self.starving = self.starving || h.waited() >= starvation_ns;
        round = 0;
        break;
      case Host::woke::gave_up:
        give_up(h);
        return false;
      }
    }
  }

  static void unlock(Host &h) {
    for (std::uint32_t seen = h.load();;) {
      if ((seen & locked) == 0)
        return h.misuse();
      if ((seen & starved) != 0 || (seen & (parked | woken)) == parked)
        return hand_on(h);
      if (h.change(seen, seen & ~locked, std::memory_order_release)) // pairs with the acquires in lock; it is no longer ours to touch
        return;
    }
  }

private:
  struct attempt {
    bool awake = false;    // `woken` is (or was) set on our behalf
    bool starving = false; // has lost after waiting too long
    unsigned parks = 0;

    [[nodiscard]] std::uint32_t own_bit() const { return awake ? woken : 0; }

    // One that spins is awake, too.
    void say_awake(Host &h, std::uint32_t seen) {
      if (!awake && (seen & (parked | woken)) == parked && h.change(seen, seen | woken, std::memory_order_relaxed))
        awake = true;
    }

    // Under the list's lock, before joining it: false if it is free by now.
    bool announce(Host &h) {
      for (std::uint32_t seen = h.load(); (seen & locked) != 0;)
        if (h.change(seen, ((seen | parked) & ~own_bit()) | (starving ? starved : 0), std::memory_order_relaxed)) {
          awake = false;
          return true;
        }
      return false;
    }
  };

  static void clear(Host &h, std::uint32_t bits, std::memory_order order) {
    for (std::uint32_t seen = h.load(); !h.change(seen, seen & ~bits, order);)
      ;
  }

  static void give_up(Host &h) {
    h.lock_list();
    h.leave();
    if (h.list_empty())
      clear(h, parked | starved, std::memory_order_relaxed);
    h.unlock_list();
  }

  // The mutex is locked by the caller, and somebody waits who has to be woken.
  static void hand_on(Host &h) {
    h.lock_list();
    const auto first = h.claim_first();
    const std::uint32_t done = h.list_empty() ? parked | starved : 0;
    const bool with_lock = first && (h.load() & starved) != 0;
    if (with_lock) {
      clear(h, done | (h.waited_long(first) ? 0 : starved), std::memory_order_release);
    } else {
      for (std::uint32_t seen = h.load();
           !h.change(seen, (seen & ~(locked | done)) | (first ? woken : 0), std::memory_order_release);) // pairs with the acquires in lock
        ;
    }
    h.unlock_list(); // is not in the mutex
    if (first)
      h.wake(first, with_lock);
  }
};

} // namespace stillpoint::rt::sync

#endif
