// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The locks of channels and lists of waiters, without a locked instruction as long as one processor is all there is.
//
// Problem: a lock is taken for each value that goes through a channel, by an exchange that costs as much as all the rest; but with one processor its
// holder is alone: tasks are not preempted in the runtime. Only that any thread of the program may use a channel, too.
// Mechanism: that of sole_use.h, for all such locks of the process at once. The worker that holds the only processor, outside of announced calls, is
// `alone`; it takes a lock by saying that it is inside, and looks whether the locks are shared. Whoever else wants a lock says first that they are
// shared, passes a barrier on all threads, and waits until the worker is outside; from then on everybody takes their words by exchange, until the process ends.
// Invariants: a thread holds all its locks in the one way or all in the other: who is inside and finds the locks shared goes on until it is outside.
// At most one worker is alone. Nobody waits for another's lock while inside. Everything is a template over the platform: test/sched runs it through its interleavings.
// Rejected: going back to it (whoever takes a word would have to look again behind the exchange, and what is no lock, as a wait_group's count, could not
// join); one flag with the queues (a thread that once sends to a channel would end that as well).
#ifndef STILLPOINT_RUNTIME_SCHED_SOLE_LOCKS_H
#define STILLPOINT_RUNTIME_SCHED_SOLE_LOCKS_H

#include "runtime/sched/sole_use.h"

#include <cstdint>

namespace stillpoint::rt {

// A platform has: atomic<T>, compiler_fence(), barrier_everywhere().
template <class P>
class basic_sole_locks {
  using flag = typename P::template atomic<bool>;

public:
  // A worker's part.
  struct side {
    bool alone = false;                                   // its own thread's: holds the only processor of a run that may be alone
    typename P::template atomic<std::uint32_t> inside{0}; // locks that it has taken alone; written by its own thread
  };

  // The side's own thread. True: it has a lock, and gives it back by leave(). False: only by the lock's word, once they are settled.
  bool enter(side &s) const noexcept {
    if (!s.alone)
      return false;
    const std::uint32_t held = s.inside.load(std::memory_order_relaxed);
    s.inside.store(held + 1, std::memory_order_relaxed);
    P::compiler_fence(); // the processor's part is barrier_everywhere()'s
    if (held != 0 || !shared_.load(std::memory_order_relaxed)) [[likely]]
      return true;
    s.inside.store(0, std::memory_order_relaxed);
    return false;
  }
  // False: the lock was not taken by enter(). Release: pairs with outside().
  static bool leave(side &s) noexcept {
    const std::uint32_t held = s.inside.load(std::memory_order_relaxed);
    if (held == 0)
      return false;
    s.inside.store(held - 1, std::memory_order_release);
    return true;
  }

  // Whether words may be taken. Acquire: pairs with settle().
  [[nodiscard]] bool settled() const noexcept { return settled_.load(std::memory_order_acquire); }

  // What makes it so; one thread at a time: share(), then all sides are seen outside, then settle().
  void share() noexcept {
    if (shared_.load(std::memory_order_relaxed))
      return;
    shared_.store(true, std::memory_order_relaxed);
    if (used_)
      P::barrier_everywhere();
  }
  static bool outside(const side &s) noexcept { return s.inside.load(std::memory_order_acquire) == 0; }
  void settle() noexcept { settled_.store(true, std::memory_order_release); }
  // All at once, where the calling thread is all there is.
  void forget() noexcept {
    shared_.store(true, std::memory_order_relaxed);
    settle();
  }

  // The same threads: whether sides may be alone. The platform has its barrier.
  bool use() noexcept {
    used_ = used_ || !shared_.load(std::memory_order_relaxed);
    return !shared_.load(std::memory_order_relaxed);
  }

private:
  flag shared_{false};
  flag settled_{false};
  bool used_ = false;
};
using sole_locks = basic_sole_locks<this_process>;

extern constinit sole_locks the_sole_locks;

namespace sched {
// For a run that begins: whether its workers may be alone; if not `wanted`, the locks are shared from here on. No worker is alone.
bool begin_sole_locks(bool wanted) noexcept;
// The locks are shared from here on; false if a worker is inside yet: ask again. Any thread that is not inside.
bool end_sole_locks() noexcept;
// The same, and waits for it.
[[gnu::cold]] void share_locks() noexcept;
} // namespace sched

} // namespace stillpoint::rt

#endif
