// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The runtime's three nouns, as Go has them: a task (a user-level thread, G), a worker (an OS thread that runs tasks, M), a processor (the
// right to run managed code, P). This header is the contract between the scheduler (runtime/sched) and preemption (runtime/preempt).
//
// Invariants:
//  - A task's stack is owned by exactly one party, named by its state; states change only through functions that check the old state.
//  - A task becomes visible to other workers only after its context is saved, that is, on the scheduler's stack of its last worker.
//  - The signal handler runs on the worker's own thread: fields that only that thread and its handler touch need no atomicity beyond
//    volatile ordering; all others are atomics with the pair named.
#ifndef STILLPOINT_RUNTIME_SCHED_CORE_H
#define STILLPOINT_RUNTIME_SCHED_CORE_H

#include "runtime/sched/sole_locks.h"
#include "stillpoint/metrics.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace stillpoint::rt {

struct worker;
struct processor;
struct scheduler;
namespace scan {
class frame_cache;
}
namespace trace {
struct capture;
}
namespace arch {
struct return_cell;
}

enum class task_state : std::uint8_t {
  runnable, // in a queue; its stack belongs to whoever takes it out
  running,  // on a worker; its stack belongs to that worker
  parked,   // waits for ready(); its stack belongs to nobody
  dead      // finished; its stack belongs to the scheduler
};

// What libc, libstdc++ and the floating-point unit keep for each thread and a task has to carry along (F5).
struct thread_image {
  void *caught_exceptions = nullptr; // __cxa_eh_globals
  unsigned uncaught_exceptions = 0;
  int errno_value = 0;
  std::uint32_t mxcsr = 0x1f80;
  std::uint16_t x87_control = 0x37f;
  std::uint16_t x87_status = 0;
};

// Where managed code called into the runtime: enough to walk its frames by the tables. Zero if it was not recorded.
struct managed_caller {
  std::uintptr_t pc = 0; // return address
  std::uintptr_t sp = 0; // stack pointer after the return
  std::uintptr_t bp = 0; // RBP at the return
  std::uintptr_t saved =
      0; // RBP is saved here, R15, R14, R13, R12 and RBX in the words below; 0: nobody knows where. See preempt/deferred.h
};

// Word by word: a wider load of words that were written a moment ago waits until they have left the processor's store buffer, as long as half a switch.
[[gnu::always_inline]] inline void assign_words(managed_caller &to, const managed_caller &from) noexcept {
  std::uintptr_t pc = from.pc, sp = from.sp, bp = from.bp, saved = from.saved;
  asm("" : "+r"(pc), "+r"(sp), "+r"(bp), "+r"(saved));
  to.pc = pc;
  to.sp = sp;
  to.bp = bp;
  to.saved = saved;
}

// In the order of use: what a switch touches comes first, and what only begins, ends and debuggers do last. There may be a million of them.
struct task {
  // Owned by whoever owns the stack.
  void *context = nullptr; // saved stack pointer while not running; see arch::switch_context
  thread_image image;
  std::atomic<task_state> state{task_state::parked};
  std::atomic<bool> preempt_requested{false}; // set by preempt::request, cleared when the task is off or the worker takes another
  bool async_stopped = false;                 // stopped by async_preempt (else by a call into the runtime)
  bool stop_is_pinned = false;                // written by the handler with the injection, read by async_preempt's second half
  bool woken = false;                         // the scheduler's: became ready and has not run since: its turn comes before others'
  std::atomic<std::uint32_t> call_depth{0};   // 1: in an announced call (call.cpp). The task itself; others look while the world is stopped
  std::uint32_t held_mutexes = 0;             // pthread mutexes, rwlocks and C++ static guards held; only the task itself changes it
  std::uint32_t preempt_disabled = 0;         // depth of preempt_disable(); only the task itself changes it
  std::uint32_t lock_depth = 0;               // calls of lock_os_thread() that have not been undone
  managed_caller caller;                      // where managed code was left, if not at an instruction of its own
  worker *pinned_to = nullptr;                // must resume on this worker (a thread-local address is live); null: anywhere
  worker *last_worker = nullptr;
  worker *locked_to = nullptr;             // runs on this worker's thread only; null: anywhere
  std::uint64_t slice_used = 0;            // the scheduler's: what it had of its slice when it was put aside to go on soon
  std::atomic<std::uint64_t> queued_at{0}; // when it was queued; others peek (relaxed) to serve the older queue first
  task *next = nullptr;                    // link of whatever queue holds it
  const char *waiting_for = nullptr;       // what park() was told; only means something while parked
  std::uint64_t waiting_since = 0;         // when it was parked
  scheduler *owner = nullptr;              // the run() that the task belongs to
  std::uint64_t run = 0;                   // its number: scheduler objects are used again
  std::uintptr_t interrupted = 0; // while stopped by the signal: the registers that async_preempt saved (arch::interrupted_places); else 0
  arch::return_cell *trap = nullptr; // laid at a return into managed code (preempt/return_trap.h). Only the task itself and its handler
  std::uintptr_t slow_site = 0;      // where it last made an announced call that was slow

  std::uintptr_t stack_low = 0;  // lowest usable address, above the guard
  std::uintptr_t stack_high = 0; // one past the highest
  void (*entry)(void *) = nullptr;
  void *argument = nullptr;
  void *allocation = nullptr; // the stack's owner record (runtime/sched/stack)

  std::uint64_t id = 0;
  std::uint64_t preemptions = 0;
  std::uint64_t created_by = 0;    // the id of the task that called go(), 0: none did
  std::uintptr_t created_at = 0;   // the return address of that call
  task *next_all = nullptr;        // list of all task objects, for debuggers; none is ever taken off
  void *sanitizer_fiber = nullptr; // ThreadSanitizer's fiber, or AddressSanitizer's fake stack
  char name[32] = {};
};
static_assert(sizeof(task) == 312); // a task that waits costs this, its page of stack and the stack's record

// An OS thread that runs tasks. The per-thread pointer to it is reached through this_worker().
struct worker {
  task *current = nullptr;           // the task this worker runs; null on the scheduler's stack. Written by this thread only, and read
                                     // by its handler: set before switching to the task, cleared after switching off it
  void *scheduler_context = nullptr; // saved stack pointer of the scheduler's loop
  processor *held = nullptr;         // null: it waits for one. Its own thread only
  std::uint32_t runtime_locks = 0;   // > 0: the handler refuses
  sole_locks::side locks;            // its own thread; others look whether it is outside
  std::atomic<int> thread_id{0};     // for tgkill; relaxed: a stale one names a thread that has ended or is no worker, which harms nobody

  std::atomic<bool> announced{false}; // in an announced call: is sent no signal. Written by this thread only
  std::atomic<bool> signal_in_flight{
      false}; // set by the sender before tgkill (release), cleared by the handler (acknowledged, even refused)
  std::atomic<std::uint64_t> handler_entries{0}; // odd while the handler is inside: dlclose waits for it to become even or change
  std::atomic<std::uint64_t> request_time{0};    // nanoseconds, CLOCK_MONOTONIC: when the pending request was made
  std::atomic<std::uint64_t> send_time{0};       // when the signal in flight was sent; one that is lost is sent again after a while
  std::atomic<refusal> last_refusal{refusal::none};
  std::uint64_t next_return_walk = 0; // the handler's own: when it may look for a foreign return again
  worker_counters counters;           // relaxed atomics, written by this worker (and its handler), read by anyone

  std::atomic<trace::capture *> wanted_trace{nullptr}; // whoever wants to know where this thread is; the handler answers and clears it
  // Tasks that began to wait for files on this thread, and those that what it did let go on. Written by this thread only (net/descriptor.cpp).
  std::atomic<std::uint64_t> file_waits_begun{0}, file_waits_ended{0};
  // This thread's own, found once by attach_worker.
  int *errno_place = nullptr;
  void *exception_globals = nullptr; // __cxa_get_globals()

  scan::frame_cache *frames = nullptr; // this thread's own
  void *signal_stack = nullptr;
  worker *next_all = nullptr; // list of all workers; workers are never freed while the process lives
  void *sched = nullptr;      // the scheduler's private part
};

// The worker of the calling thread, or null. Never cached across a switch: a task may come back on another thread.
worker *this_worker() noexcept;
// What it returns; for functions that are called all the time, and in which nothing switches tasks. Written by set_this_worker().
extern constinit thread_local worker *current_worker;

// The head of the list of all workers ever attached (acquire).
worker *all_workers() noexcept;

} // namespace stillpoint::rt

// ---------------------------------------------------------------------------------------------------------------------------------------
// What the scheduler gives to preemption.
namespace stillpoint::rt::sched {

// Called by async_preempt's second half on the task's own stack with preemption effectively off: gives up the processor, puts the task into
// a run queue (of its worker only, if pinned) and returns when the task is resumed. task::async_stopped is set over the switch, so that
// leave_task keeps what the handler and async_preempt have put into task::image.
void reschedule_preempted(bool pinned) noexcept;

// Called by the handler when the task's registers are saved and it will run no managed code before it has left its worker: for those who wait
// for that it is stopped already.
void interrupted(worker &w) noexcept;

} // namespace stillpoint::rt::sched

// What preemption gives to the scheduler.
namespace stillpoint::rt::preempt {

// Installs the SIGURG handler, and those that name the task before the program ends by a fault or abort. Once per process; later calls do
// nothing.
void initialize() noexcept;

// On the worker's own thread, before it runs a task / before it ends: alternate signal stack (pre-faulted), signal mask.
void attach_worker(worker &w) noexcept;
void detach_worker(worker &w) noexcept;

// Asks that `w`'s current task be stopped: marks the task, sends SIGURG by tgkill unless one is in flight. Any thread; no lock.
// Returns false if nothing was sent (off, one in flight, no task).
bool request(worker &w, task &t) noexcept;

// Sends that signal without asking for anything but what worker::wanted_trace says. The same conditions.
bool signal(worker &w) noexcept;
// Called by the handler if worker::wanted_trace is set, which it clears, with the ucontext_t that was interrupted. Set once, before the first.
extern std::atomic<void (*)(worker &w, void *context)> trace_answer;

// On the scheduler's stack, right after a switch from / right before a switch to a task. Between enter_task and the return into managed
// code nothing may change errno or compute with floating point.
void leave_task(worker &w, task &t) noexcept; // thread -> t.image
void enter_task(worker &w, task &t) noexcept; // t.image -> thread

// Gives back the trap that a task may have laid: when it ends, and before its object is used again.
void release_return_trap(task &t) noexcept;

// Whether a task that left managed code by calling the runtime (t.caller) may resume on another worker: walks its frames by the tables. A
// frame whose call is a pinned point, or frames that cannot be walked while thread-local state may be live below, say no.
bool may_migrate(const task &t) noexcept;

// For benchmarks and tests: called by leave_task when a preempted task is off, with the time of the request and of the call to leave_task.
extern std::atomic<void (*)(std::uint64_t request_ns, std::uint64_t entered_ns)> stop_observer;

} // namespace stillpoint::rt::preempt

namespace stillpoint::rt::arch {

// Saves the callee-saved registers on the current stack, stores the stack pointer to *from, loads `to` and restores from there.
extern "C" void __stillpoint_switch_context(void **from, void *to) noexcept;

// Prepares a fresh stack so that switching to the result calls entry(argument) from __stillpoint_task_base, whose frame ends every walk;
// when
// entry returns, `finished` is called (on the task's stack, does not return).
void *make_context(std::uintptr_t stack_high, void (*entry)(void *), void *argument, void (*finished)()) noexcept;

} // namespace stillpoint::rt::arch

#endif
