// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A processor's queues used by its holder alone, as long as there is one processor, without a locked instruction for each task that is taken.
//
// Problem: thieves and the monitor may take tasks out of any processor's queues, so its holder takes them by compare-and-swap, which is a third of a switch.
// With one processor there is no thief; but the monitor may lend another one (processors.cpp) at any time, and empties the queues.
// Mechanism: the holder says that it is inside and then looks whether the queues are shared, without a fence. Who wants to share them says so, passes a
// barrier on all threads of the process (membarrier), and looks whether the holder is inside: either it sees that, or the holder sees that they are
// shared. Then everybody takes tasks as if there had always been several processors, until the run ends.
// Invariant: while enter() has returned true, and until leave(), nobody else takes from the queues. Everything is a template over the platform, so
// that test/sched runs it through all interleavings, with stores that others see late.
// Rejected: the same for many processors (a thief would have to interrupt its victim); going back (nobody knows when).
#ifndef STILLPOINT_RUNTIME_SCHED_SOLE_USE_H
#define STILLPOINT_RUNTIME_SCHED_SOLE_USE_H

#include <atomic>

namespace stillpoint::rt {

// A platform has: atomic<T>, compiler_fence(), barrier_everywhere().
template <class P>
class basic_sole_use {
public:
  using flag = typename P::template atomic<bool>;

  // The holder only, which neither leaves its task nor is preempted before leave(). False: they are shared, and there is no leave().
  bool enter(const flag &shared) noexcept {
    inside_.store(true, std::memory_order_relaxed);
    P::compiler_fence(); // the processor's part is barrier_everywhere()'s
    if (!shared.load(std::memory_order_relaxed)) [[likely]]
      return true;
    inside_.store(false, std::memory_order_relaxed);
    return false;
  }
  void leave() noexcept { inside_.store(false, std::memory_order_release); } // pairs with the acquire in end()

  // Any other thread, one at a time. True: from now on the queues are shared. False: they will be, but the holder is inside yet; ask again.
  bool end(flag &shared) noexcept {
    if (!shared.load(std::memory_order_relaxed)) {
      shared.store(true, std::memory_order_relaxed);
      P::barrier_everywhere();
    }
    return !inside_.load(std::memory_order_acquire);
  }

private:
  flag inside_{false};
};

// Asks the kernel for barrier_everywhere(). False: there is none.
bool prepare_barriers() noexcept;

struct this_process {
  template <class T>
  using atomic = std::atomic<T>;
  static void compiler_fence() noexcept { std::atomic_signal_fence(std::memory_order_seq_cst); }
  static void barrier_everywhere() noexcept; // a full fence on every thread of the process
};
using sole_use = basic_sole_use<this_process>;

} // namespace stillpoint::rt

#endif
