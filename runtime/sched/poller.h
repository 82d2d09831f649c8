// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Where the scheduler meets whatever tells tasks that their files are ready (the network).
//
// Problem: a task that waits for a socket must not keep a thread, and whoever waits for sockets must also hear of timers and of new tasks.
// Mechanism: the poller is a few functions. Busy workers poll without waiting when their queues are empty, and now and then when they are
// not; one idle worker, the watcher, waits in poll() instead of on its futex, until the next timer is due; if all processors are busy and nobody
// has polled for a while, the monitor does. Without a poller, or while it has no files, everybody sleeps on futexes.
// Invariants: at most one thread at a time waits in poll(); any number call it without waiting.
// Rejected: a thread of its own for the poller (two more switches of threads for each event); polling only while some task waits (a count that all
// processors write twice for each request, and a fence for each task that begins to wait).
#ifndef STILLPOINT_RUNTIME_SCHED_POLLER_H
#define STILLPOINT_RUNTIME_SCHED_POLLER_H

#include "sched/lock.h"
#include "sched/queue.h"

#include <cstdint>

namespace stillpoint::rt {

struct poller {
  // Appends to `ready` the tasks whose wait has ended, parked as they are (the caller makes them runnable): each exactly once for each time it
  // parked, and only when its park_commit has run. Waits for the first of them until `until` (CLOCK_MONOTONIC, ns; 0: does not wait; `never`: no
  // limit) or until wake(). Returns how many. On the scheduler's stack of a worker, with or without a processor, or on the monitor. No lock
  // of the scheduler is held; it may not park and not call sched::ready().
  unsigned (*poll)(std::uint64_t until, task_list &ready) noexcept;
  // Ends the wait of the thread in poll(); if there is none, the next wait returns at once. Any thread; no lock is taken.
  void (*wake)() noexcept;
  // Whether poll() may find anything: there are files that tasks may wait for. Asked at every turn; it changes seldom. Any thread. Whoever adds one calls
  // sched::watch_files() afterwards, before it waits.
  bool (*in_use)() noexcept;
  // Whether a task waits for poll() to find it. For who looks for deadlocks. Any thread.
  bool (*anyone_waits)() noexcept;
};

namespace sched {

// Once for each process; `p` lives for ever. Any thread.
void set_poller(const poller &p) noexcept;

// The poller has a file more: somebody will poll. On a worker, in a task.
void watch_files() noexcept;

// Null without one.
const poller *the_poller() noexcept;

} // namespace sched
} // namespace stillpoint::rt

#endif
