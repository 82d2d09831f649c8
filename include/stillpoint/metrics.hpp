// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the runtime counts: requests to preempt, stops, and every refusal by its reason.
#ifndef STILLPOINT_METRICS_HPP
#define STILLPOINT_METRICS_HPP

#include <stillpoint/export.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace stillpoint {

/// Why the signal handler left a task alone. The request stays pending and is retried.
enum class refusal : std::uint8_t {
  none,
  off,           ///< asyncpreemptoff
  not_wanted,    ///< no request is pending for the task that runs
  no_task,       ///< the worker is in the scheduler
  stack,         ///< the stack pointer is not inside the task's stack, or there is no room for the saved state
  runtime_lock,  ///< the runtime is inside a critical section on behalf of the task
  disabled,      ///< preempt_disable()
  mutex_held,    ///< the task holds a pthread mutex, rwlock or a C++ static guard
  foreign_code,  ///< the PC is in code without tables
  unsafe_point,  ///< the tables say unsafe
  foreign_frame, ///< a frame of foreign code lies under managed code (a callback)
  unknown_frame, ///< a frame whose place the tables do not know
  corrupt_table, ///< the tables contradict themselves here
  count
};

/// The reason's name, as printed ("foreign_code").
STILLPOINT_API const char *to_string(refusal r) noexcept;

/// A worker's counters; relaxed atomics, monotonically growing.
struct worker_counters {
  std::atomic<std::uint64_t> signals_sent{0};
  std::atomic<std::uint64_t> signals_received{0};
  std::atomic<std::uint64_t> preemptions{0};
  std::atomic<std::uint64_t> pinned_preemptions{0};
  std::atomic<std::uint64_t> vector_saves{0};    ///< of the preemptions, those that saved vector state
  std::atomic<std::uint64_t> chained_signals{0}; ///< SIGURG that was somebody else's
  std::atomic<std::uint64_t> world_stops{0};         ///< this worker stopped the world
  std::atomic<std::uint64_t> world_stop_failures{0}; ///< it gave up: some task did not come to a stop in time
  std::atomic<std::uint64_t> world_stop_ns{0};       ///< from the wish to the stop, in sum
  std::atomic<std::uint64_t> world_stop_longest_ns{0};
  std::atomic<std::uint64_t> refusals[static_cast<std::size_t>(refusal::count)]{};
};

/// Sums over all workers since the process began.
struct metrics {
  std::uint64_t signals_sent = 0;
  std::uint64_t signals_received = 0;
  std::uint64_t preemptions = 0;
  std::uint64_t pinned_preemptions = 0;
  std::uint64_t vector_saves = 0;
  std::uint64_t chained_signals = 0;
  std::uint64_t world_stops = 0;
  std::uint64_t world_stop_failures = 0;
  std::uint64_t world_stop_ns = 0;
  std::uint64_t world_stop_longest_ns = 0; ///< not a sum
  std::uint64_t refusals[static_cast<std::size_t>(refusal::count)] = {};
};

/// Reads the counters. Any thread; not a consistent snapshot across workers. Not for signal handlers.
STILLPOINT_API metrics read_metrics() noexcept;

} // namespace stillpoint

#endif
