// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Timers: something small is done at a point in time, unless it is cancelled before. Sleeps, timeouts, deadlines and tickers are made of them.
//
// Problem: a timer lives where its user has room, often on the stack of the task that waits, so whoever cancels one must know afterwards that
// nobody will touch it again. And there may be a hundred thousand.
// Mechanism: one heap for the whole run(), four children to a node, and the earliest time beside it for a look without the lock. `fire` is
// called under the heap's lock, so behind cancel() it neither runs nor will; it does no more than claim a waiter and hand over its task,
// which is woken after the lock is given back. The heap's entries name a slot, the slot its timer: entries are 16 bytes, moving one touches no
// timer (on a cold stack), and cancelling takes the timer out of its slot; the entry stays until its time comes, or until half of all
// are such.
// Invariants: a slot is in use as long as an entry names it; a timer is set exactly if its slot points back to it; the first entry's timer is
// not a cancelled one. Equal times fire in the order in which they were set (if that was within two thousand million of each other).
// Rejected: a heap per processor (stealing of timers and a scan for the earliest, for a lock that is held for some hundred nanoseconds);
// the timer's place in the heap kept in the timer (a cache miss for each step of each sift); firing without the lock (who cancels would
// have to wait for a thread that may not be running).
#ifndef STILLPOINT_RUNTIME_SCHED_TIMERS_H
#define STILLPOINT_RUNTIME_SCHED_TIMERS_H

#include "sched/core.h"
#include "sched/lock.h"
#include "sched/queue.h"

#include <vector>

namespace stillpoint::rt {

class timers;

// One timer. set() and cancel() of the same timer are called by one party at a time (its owner sees to it); it may be destroyed unless it is set.
// Used through sched::set_timer and sched::cancel_timer (scheduler.h).
struct timer {
  // Called when the time has come, under the lock of the heap, on a scheduler's stack or on the monitor; the timer is not set any more, and may
  // be destroyed from within. Must be short, and take no lock, set or cancel no timer, call nothing of the scheduler. Tasks that it
  // appends to `wake`, which must be parked and claimed (nobody else may wake them), are made runnable afterwards.
  using function = void (*)(timer &self, task_list &wake) noexcept;

  explicit constexpr timer(function f) noexcept : fire(f) {}
  timer(const timer &) = delete;
  timer &operator=(const timer &) = delete;

  const function fire;
  std::uint64_t when = 0; // of the last set()

private:
  friend class timers;
  static constexpr std::uint32_t no_slot = UINT32_MAX;
  std::uint32_t slot_ = no_slot; // under the heap's lock
};

class timers {
public:
  // The earliest time, or `never`. Sequentially consistent: one half of the hand-shake between who sets a timer and who goes to sleep.
  [[nodiscard]] std::uint64_t earliest() const noexcept { return earliest_.load(std::memory_order_seq_cst); }

  // Sets `t`, anew if it is set. Returns whether it is the earliest now: then somebody may have to be told. Ends the program if there is no
  // memory.
  bool set(timer &t, std::uint64_t when) noexcept STILLPOINT_EXCLUDES(mutex_);

  // True: it was set, and will not fire. False: it has fired (fire has returned), or was not set. Either way nobody touches it any more.
  bool cancel(timer &t) noexcept STILLPOINT_EXCLUDES(mutex_);

  // Fires what is due, at most `limit`, earliest first; returns how many, and the tasks to be woken. try_: none while somebody else has the heap.
  unsigned fire_due(std::uint64_t now, unsigned limit, task_list &wake) noexcept STILLPOINT_EXCLUDES(mutex_);
  unsigned try_fire_due(std::uint64_t now, unsigned limit, task_list &wake) noexcept STILLPOINT_EXCLUDES(mutex_);

  // Entries, with the cancelled ones: for tests.
  [[nodiscard]] std::size_t entries() noexcept STILLPOINT_EXCLUDES(mutex_);

private:
  struct entry {
    std::uint64_t when;
    std::uint32_t order;
    std::uint32_t slot;
  };
  struct slot {
    timer *set = nullptr; // null: cancelled, or the slot is free
    std::uint32_t next_free = 0;
  };
  static constexpr std::size_t children = 4;

  static bool before(const entry &a, const entry &b) noexcept {
    return a.when != b.when ? a.when < b.when : static_cast<std::int32_t>(a.order - b.order) < 0;
  }
  bool detach(timer &t) noexcept STILLPOINT_REQUIRES(mutex_);
  std::uint32_t take_slot(timer &t) noexcept STILLPOINT_REQUIRES(mutex_);
  void free_slot(std::uint32_t s) noexcept STILLPOINT_REQUIRES(mutex_);
  void sift_up(std::size_t place, entry e) noexcept STILLPOINT_REQUIRES(mutex_);
  void sift_down(std::size_t place, entry e) noexcept STILLPOINT_REQUIRES(mutex_);
  unsigned fire(std::uint64_t now, unsigned limit, task_list &wake) noexcept STILLPOINT_REQUIRES(mutex_);
  void pop() noexcept STILLPOINT_REQUIRES(mutex_);
  void drop_cancelled() noexcept STILLPOINT_REQUIRES(mutex_);
  void compact() noexcept STILLPOINT_REQUIRES(mutex_);
  void publish() noexcept STILLPOINT_REQUIRES(mutex_);

  lock mutex_;
  std::vector<entry> heap_ STILLPOINT_GUARDED_BY(mutex_);
  std::vector<slot> slots_ STILLPOINT_GUARDED_BY(mutex_);
  std::uint32_t free_ STILLPOINT_GUARDED_BY(mutex_) = timer::no_slot;
  std::uint32_t order_ STILLPOINT_GUARDED_BY(mutex_) = 0;
  std::size_t cancelled_ STILLPOINT_GUARDED_BY(mutex_) = 0; // entries without a timer
  std::atomic<std::uint64_t> earliest_{never};
};

} // namespace stillpoint::rt

#endif
