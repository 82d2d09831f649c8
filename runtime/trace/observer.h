// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the monitor does for people who look at a program: prints all tasks, finds that all sleep for ever, prints a line now and then.
//
// Mechanism: whoever wants the tasks leaves a request and alarms the monitor, which runs tasks never and so works while they are stuck. A
// processor that becomes idle as the last one starts a check for a deadlock (deadlock.cpp); nothing here costs anything while tasks run.
// Rejected: a thread of its own (the monitor is there).
#ifndef STILLPOINT_RUNTIME_TRACE_OBSERVER_H
#define STILLPOINT_RUNTIME_TRACE_OBSERVER_H

#include "sched/lock.h"

#include <atomic>
#include <cstdint>

namespace stillpoint::rt {
struct scheduler;
struct settings;
} // namespace stillpoint::rt

namespace stillpoint::rt::trace {

// The part of a scheduler.
struct observer {
  std::uint64_t began = 0;                    // when run() began
  int caller = 0;                             // the thread that did, and waits until it ends
  std::uint64_t next_line = 0;                // the monitor's: when the next line of schedtrace is due; 0: none was printed yet
  std::atomic<std::uint64_t> check_at{never}; // when the monitor looks whether all tasks sleep for ever
  // The monitor's: about that.
  unsigned checks = 0;
  bool suspected = false;
  std::uint64_t turns = 0;
};

// The monitor's loop: does what is due; when it has to come again.
void observe(scheduler &s, std::uint64_t now) noexcept;
std::uint64_t due(const scheduler &s) noexcept;

// All processors are idle. Under scheduler::mutex.
void all_idle(scheduler &s) noexcept;

// Before the first task of a run: SIGQUIT.
void begin_run(scheduler &s) noexcept;

// runtime/trace's own.
std::uint64_t look_for_deadlock(scheduler &s, std::uint64_t now) noexcept; // when to look again
void print_line(const scheduler &s, std::uint64_t now) noexcept;           // of schedtrace

} // namespace stillpoint::rt::trace

#endif
