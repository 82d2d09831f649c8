// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The state of one run(): its processors, queues, sleepers and monitor. runtime/sched only; others use core.h and park.h.
//
// Mechanism, as in Go. Each processor belongs to one worker thread for the whole run and has a ring of runnable tasks; what does not fit,
// and
// what was preempted at the end of its slice, goes to the global queue; a processor without work steals. Tasks that become ready are served
// before others: by their waker's processor (processor::next), or from the `woken` list if a timer or a foreign thread woke them.
//
// Who wakes whom. An idle worker sleeps on its processor's futex; one of them, the timer waiter, with the time of the next timer. The
// monitor sleeps until the earliest moment at which something would have to be asked of a busy processor, `monitor_deadline`; whoever
// creates
// an earlier moment wakes it. All these hand-shakes are Dekker's: each side writes its word, passes a sequentially consistent fence, and
// reads the
// other's.
//
// Rejected: the calling thread as a worker. If main ended on another worker while the calling thread was stuck in a task's blocking call,
// run()
// could never return. A worker that cannot be stopped is left behind; the caller's thread cannot be.
#ifndef STILLPOINT_RUNTIME_SCHED_SCHEDULER_H
#define STILLPOINT_RUNTIME_SCHED_SCHEDULER_H

#include "config.h"
#include "sched/core.h"
#include "sched/lock.h"
#include "sched/queue.h"
#include "sched/sanitizer.h"
#include "sched/timers.h"

#include <memory>
#include <pthread.h>
#include <vector>

namespace stillpoint::rt {

// How long a task runs undisturbed before one that was woken may have its place.
inline constexpr std::uint64_t wake_grace_ns = 50'000;
// Woken tasks served in a row before one of the others.
inline constexpr unsigned woken_streak_limit = 16;
// The global queue is looked at first every so many turns, even if the processor's own is not empty.
inline constexpr unsigned global_turn = 61;

// Runs on the scheduler's stack after the task's context is saved, with the task parked; false: do not park after all.
using park_commit = bool (*)(task &t, void *argument) noexcept;

// Why a task leaves its worker; written by the task, read by the scheduler's loop behind the switch.
struct departure {
  enum class reason : std::uint8_t { none, yielded, parked, preempted, finished, abandoned };
  reason why = reason::none;
  bool pinned = false;
  park_commit commit = nullptr;
  void *argument = nullptr;
};

struct alignas(64) processor {
  scheduler *owner = nullptr;
  worker *self = nullptr; // set before the worker's thread starts
  unsigned index = 0;

  run_queue local;
  std::atomic<task *> next{nullptr};        // woken by the task that runs here: its turn comes first. May be stolen
  std::atomic<task *> interrupted{nullptr}; // gave way to a woken task before its slice was over: goes on after it. May be stolen
  lock pinned_lock;
  task_list pinned STILLPOINT_GUARDED_BY(pinned_lock); // only this worker may run these
  std::atomic<std::uint32_t> pinned_count{0};
  std::atomic<std::uint64_t> pinned_oldest{never}; // when the first of them was queued
  std::atomic<bool> pinned_woken{false};           // one of them was woken, not put aside

  // Published for the monitor: written by the worker. `turns` grows with every task taken up.
  alignas(64) std::atomic<task *> running{nullptr};
  std::atomic<std::uint64_t> started{0};
  std::atomic<std::uint64_t> slice_end{never};
  std::atomic<std::uint64_t> turns{0};
  std::atomic<bool> active{false};  // from when the worker takes up a task until it has done what the task left to do; see world.h
  std::atomic<bool> helping{false}; // inside of the helper, in a stopped world

  // The worker's own thread only.
  alignas(64) departure leaving;
  std::uint64_t slice_begin = 0;
  unsigned woken_streak = 0;
  std::uint32_t help_seen = 0; // scheduler::help_calls when it last called the helper
  bool spinning = false; // also set by a waker while the worker is idle
  std::uint32_t random = 1;
  sanitizer::thread_side sanitizer_side;

  // Idle.
  alignas(64) std::atomic<std::uint32_t> wake_word{0}; // 1: get up
  bool idle = false;                                   // under scheduler::mutex
  std::atomic<std::uint32_t> thread_state{0};          // 0 none, 1 running, 2 ended (futex of run())
  pthread_t thread{};

  // The monitor only.
  std::uint64_t asked_turn = 0;
  std::uint64_t ask_again_at = 0;
  std::uint64_t backoff = 0;
};

struct scheduler {
  scheduler(const settings &s, std::uint64_t number, std::unique_ptr<processor[]> reused = nullptr);

  settings set;
  std::uint64_t run; // a number for each run()
  unsigned count;
  std::unique_ptr<processor[]> processors;

  lock mutex;
  task_list global STILLPOINT_GUARDED_BY(mutex);
  task_list woken STILLPOINT_GUARDED_BY(mutex);
  std::vector<processor *> idle STILLPOINT_GUARDED_BY(mutex); // reserved in full: push_back does not allocate
  // Copies for a look without the lock; written under it.
  std::atomic<std::uint32_t> global_count{0};
  std::atomic<std::uint64_t> global_oldest{never};
  std::atomic<std::uint32_t> woken_count{0};
  std::atomic<std::uint32_t> idle_count{0};
  std::atomic<std::uint32_t> spinning{0};

  timers sleepers;
  std::atomic<processor *> timer_waiter{nullptr}; // written under `mutex`
  std::atomic<std::uint64_t> timer_wait_until{never};

  alignas(64) std::atomic<std::uint64_t> monitor_deadline{0}; // 0: awake
  std::atomic<std::uint32_t> monitor_word{0};
  pthread_t monitor_thread{};

  alignas(64) std::atomic<std::uint32_t> world{0}; // 0: it runs. See world.cpp
  std::atomic<std::uint32_t> help_calls{0};

  std::atomic<bool> stopping{false};
  std::atomic<bool> monitor_stop{false};
  std::atomic<bool> forked{false}; // we are in a child of fork(): no other thread is here
  std::atomic<std::uint32_t> main_done{0};
  std::atomic<std::uint64_t> next_task_id{1};
  std::atomic<std::uint64_t> steals{0};
  task *main_task = nullptr;
  scheduler *next_retired = nullptr;
  sigset_t worker_signals{}; // what workers block: what the caller of run() did
};

// Queues (queues.cpp). Any of them on a worker's thread may be called from a task or from the scheduler's loop.
namespace sched {

void push_local(processor &p, task &t) noexcept;              // the worker's own thread
void push_global(scheduler &s, task &t, std::uint64_t now) noexcept; // any thread; wakes nobody
void push_woken(scheduler &s, task &t) noexcept;              // any thread; wakes nobody
void push_pinned(processor &p, task &t, bool woken) noexcept; // any thread; wakes p's worker if it is idle
// The next task for p, without stealing; null if there is none.
task *pick(processor &p, std::uint64_t now) noexcept;
task *steal(processor &p) noexcept;
// Whether a task other than the running one could run on p now.
bool others_could_run(const processor &p) noexcept;

// Idle workers and the monitor's alarm (wake.cpp).
void start_worker(processor &p);
bool work_anywhere(scheduler &s) noexcept;  // in a queue that any worker may take from
bool crowded(const scheduler &s) noexcept;  // nobody is idle or looking for work
void call_for_help(scheduler &s) noexcept;  // there is more than we can take: wakes a worker, or the monitor if all are busy
void wake_one(scheduler &s) noexcept;       // an idle worker, if there is one and none looks for work already. Any thread
bool wake_processor(processor &p) noexcept; // that worker, if it is idle. Any thread
void wait_for_work(processor &p) noexcept;  // the worker's own thread, scheduler's stack
void stop_looking(processor &p) noexcept;   // no longer counted as looking for work: look once more afterwards
void wake_all(scheduler &s) noexcept;       // every idle worker. Any thread
void alarm_monitor(scheduler &s, std::uint64_t when) noexcept; // the monitor shall look no later than `when`. Any thread
void arm(processor &p) noexcept;                               // after a change of p's queues or running task: alarms whom it concerns

// Makes a parked task runnable and sees to it that it runs soon. Any thread, also one that is no worker.
void make_ready(task &t) noexcept;
// Timers (timers.h says what a timer's function may do). On a thread that is no worker, or a task that goes on running: set_timer tells who
// has to know. In a park_commit `s.sleepers.set()` is enough, since the worker looks for the earliest timer before it does anything else.
void set_timer(scheduler &s, timer &t, std::uint64_t when) noexcept;
// Afterwards the timer does not fire, and is not firing. False: it has fired, or was not set.
inline bool cancel_timer(scheduler &s, timer &t) noexcept { return s.sleepers.cancel(t); }
// Fires the timers whose time has come and wakes whom they wake; returns how many. `p` is null on the monitor.
unsigned fire_timers(scheduler &s, processor *p, std::uint64_t now) noexcept;

// The worker's and monitor's threads (worker.cpp, monitor.cpp).
void worker_loop(processor &p) noexcept;
void monitor_loop(scheduler &s) noexcept;

// On a task's stack: leaves the worker and returns when the task is taken up again.
void leave(worker &w, const departure &why) noexcept;

// The run() in progress, or null.
scheduler *active() noexcept;

// The calling task's worker. Throws std::logic_error naming `call` outside tasks; never returns if the run is over; fatal in a child of
// fork().
worker &require_task(const char *call);

// Any thread that starts or ends a worker.
worker &new_worker() noexcept;
void set_this_worker(worker *w) noexcept;
void retire_worker(worker &w) noexcept;

} // namespace sched
} // namespace stillpoint::rt

#endif
