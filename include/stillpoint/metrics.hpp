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

/// Why the signal handler, having found a task in foreign code, has laid no trap where that returns. It tries again with the next signal.
enum class return_refusal : std::uint8_t {
  none,
  off,            ///< STILLPOINT_DEBUG=returntraps=0 is set
  no_unwinding,   ///< a foreign frame has no unwind tables that say where it is, or there is a signal handler's frame
  unknown_caller, ///< no managed code is returned to, or the stack contradicts the tables
  unsafe_return,  ///< the task could not be stopped at the return either
  curious_callee, ///< the function uses its return address (dlsym, swapcontext), or is not bound yet
  exception,      ///< an exception is on its way
  shadow_stack,   ///< the processor checks return addresses
  exhausted,      ///< too many traps are laid in this process
  too_soon,       ///< the latest walk was a moment ago: no more than a twentieth of the time goes into them
  count
};

/// The reason's name, as printed ("no_unwinding").
STILLPOINT_API const char *to_string(return_refusal r) noexcept;

/// The reason's name, as printed ("foreign_code").
STILLPOINT_API const char *to_string(refusal r) noexcept;

/// A worker's counters; relaxed atomics, monotonically growing.
struct worker_counters {
  std::atomic<std::uint64_t> signals_sent{0};
  std::atomic<std::uint64_t> signals_received{0};
  std::atomic<std::uint64_t> preemptions{0};
  std::atomic<std::uint64_t> pinned_preemptions{0};
  std::atomic<std::uint64_t> vector_saves{0};        ///< of the preemptions, those that saved vector state
  std::atomic<std::uint64_t> chained_signals{0};     ///< SIGURG that was somebody else's
  std::atomic<std::uint64_t> world_stops{0};         ///< this worker stopped the world
  std::atomic<std::uint64_t> world_stop_failures{0}; ///< it gave up: some task did not come to a stop in time
  std::atomic<std::uint64_t> world_stop_ns{0};       ///< from the wish to the stop, in sum
  std::atomic<std::uint64_t> world_stop_longest_ns{0};
  std::atomic<std::uint64_t> return_traps{0};    ///< laid where foreign code returns to managed code
  std::atomic<std::uint64_t> stops_at_return{0}; ///< of the preemptions, those by such a trap
  std::atomic<std::uint64_t> refusals[static_cast<std::size_t>(refusal::count)]{};
  std::atomic<std::uint64_t> return_refusals[static_cast<std::size_t>(return_refusal::count)]{};
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
  std::uint64_t return_traps = 0;    ///< laid where foreign code returns to managed code
  std::uint64_t stops_at_return = 0; ///< of the preemptions, those by such a trap
  std::uint64_t return_refusals[static_cast<std::size_t>(return_refusal::count)] = {};
};

/// Reads the counters. Any thread; not a consistent snapshot across workers. Not for signal handlers.
STILLPOINT_API metrics read_metrics() noexcept;

/// What the run() in progress has at this moment, and what it has done since it began. Outside of a run() everything is 0.
struct scheduler_metrics {
  unsigned processors = 0;
  unsigned processors_idle = 0;
  unsigned processors_looking = 0; ///< of those that are not idle: they look for tasks to steal (Go: spinning)

  std::uint64_t tasks_begun = 0;
  std::uint64_t tasks_ended = 0;
  std::uint64_t tasks_running = 0;  ///< also inside of foreign code or the kernel, if nobody announced that
  std::uint64_t tasks_in_calls = 0; ///< in syscall() or foreign()
  std::uint64_t tasks_runnable = 0; ///< wait for a processor
  std::uint64_t tasks_waiting = 0;  ///< for anything else

  std::uint64_t threads = 0;         ///< workers; without the monitor and the thread that called run()
  std::uint64_t threads_waiting = 0; ///< of those: without a processor, for one
  std::uint64_t threads_started = 0; ///< all there ever were
  std::uint64_t threads_ended = 0;   ///< of those: idle for long, or a task ended while locked to it
  std::uint64_t threads_reaped = 0;  ///< of those that ended: idle for as long as STILLPOINT_IDLE says

  std::uint64_t calls_handed_over = 0; ///< calls whose processor went to others meanwhile
  std::uint64_t processors_lent =
      0; ///< how often another one was lent in place of one whose thread was blocked in a call that nobody announced

  std::uint64_t queued_global = 0; ///< tasks in the queue that all processors share
  std::uint64_t queued_woken = 0;  ///< tasks that timers and foreign threads woke
  std::uint64_t queued_local = 0;  ///< tasks in the processors' own queues, in sum
  std::uint64_t turns = 0;         ///< how often a processor took up a task
  std::uint64_t steals = 0;        ///< how often one took another's
};

/// Reads them: looks at every task once, under a lock for a moment. Any thread, tasks included; the figures are taken one after the other, so they
/// need not fit together while tasks run. Not for signal handlers.
STILLPOINT_API scheduler_metrics read_scheduler_metrics() noexcept;

} // namespace stillpoint

#endif
