// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// STILLPOINT_DEBUG=storm=PERIOD: every task that runs is asked to stop at each period, whether or not anybody waits, and what stopped goes on
// in a random order and place. For tests of what must not be noticed.
//
// Mechanism: a thread of its own sends the monitor's requests, so that the monitor does not change. A task that was stopped finds the
// registers that a switch may overwrite overwritten, and goes on at once, behind the tasks that its processor has, or behind everybody; of
// the last, some are offered to another worker for a moment before this one looks again.
// Invariant: without storm= nothing of this runs but one comparison for each task that was preempted.
// Rejected: binding a task to the worker that it shall move to (that one may be blocked in a foreign call for ever); helper tasks of the
// runtime's own (a program's deadlock would never be seen).
#ifndef STILLPOINT_RUNTIME_SCHED_STORM_H
#define STILLPOINT_RUNTIME_SCHED_STORM_H

#include <atomic>
#include <cstdint>
#include <pthread.h>

namespace stillpoint::rt {

struct task;
struct processor;
struct scheduler;

// One run's.
struct storm {
  std::atomic<std::uint64_t> gusts{0};   // how often it looked at all processors
  std::atomic<std::uint64_t> stopped{0}; // tasks that were scattered
  std::atomic<std::uint64_t> behind{0};  // of them: those that others went before
  std::atomic<std::uint64_t> offered{0}; // of those: the ones that another worker was given time to take
  std::atomic<std::uint64_t> moved{0};   // tasks that were stopped and went on on another worker
  std::atomic<std::uint32_t> over{0};    // futex
  std::atomic<int> thread_id{0};         // for those who look at the threads of the process
  pthread_t thread{};
};

namespace sched {

// run() only; nothing without storm=.
void start_storm(scheduler &s) noexcept;
void stop_storm(scheduler &s) noexcept;

// In the scheduler's loop: `t`, which was preempted and is runnable, in no queue and not pinned, goes somewhere.
void scatter(processor &p, task &t, std::uint64_t now) noexcept;

} // namespace sched
} // namespace stillpoint::rt

#endif
