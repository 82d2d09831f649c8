// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The state of one run(): its processors, workers, queues, sleepers and monitor. runtime/sched only; others use core.h and park.h.
//
// Mechanism, as in Go. A worker (an OS thread) needs a processor to run a task; there are `count` processors, and as many workers as it
// takes. A worker without a processor waits: in the pool, from where anyone takes it who has a processor to give, or, if tasks are locked to its
// thread, for whoever picks one of those. Each processor has a ring of runnable tasks; what does not fit, and what was preempted at the end of
// its slice, goes to the global queue; a processor without work steals. Tasks that become ready are served before others: by their waker's
// processor (processor::next), or from the `woken` list if a timer or a foreign thread woke them.
//
// Tasks that only one worker may run (locked to its thread, or stopped at a pinned point) wait in the queues like all others. The worker that
// picks one gives its processor, with the task, to the one that may run it, if that one waits; else it puts the task on that one's list.
//
// Who wakes whom. An idle processor has no worker; who has work for it takes a worker from the pool, or starts one. One waiting worker, the
// watcher, gets up for the next timer. The monitor sleeps until the earliest moment at which something would have to be asked of a busy
// processor, `monitor_deadline`; whoever creates an earlier moment wakes it. All these hand-shakes are Dekker's: each side writes its word, passes
// a sequentially consistent fence, and reads the other's.
//
// Invariants: a worker without a processor has an empty list of its own; a processor is held by one worker, idle or spare; `given` is set
// only for a worker that waits.
//
// Rejected: the calling thread as a worker like the others. If main ended on another worker while the calling thread was stuck in a task's
// blocking call, run() could never return. A worker that cannot be stopped is left behind; the caller's thread cannot be.
#ifndef STILLPOINT_RUNTIME_SCHED_SCHEDULER_H
#define STILLPOINT_RUNTIME_SCHED_SCHEDULER_H

#include "config.h"
#include "sched/clock.h"
#include "sched/core.h"
#include "sched/lock.h"
#include "sched/patience.h"
#include "sched/queue.h"
#include "sched/repetition.h"
#include "sched/sanitizer.h"
#include "sched/sole_use.h"
#include "sched/storm.h"
#include "sched/timers.h"
#include "stillpoint/abi/main_task.h"
#include "trace/observer.h"

#include <memory>
#include <pthread.h>
#include <vector>

namespace stillpoint::rt {

// How long a task runs undisturbed before one that was woken may have its place.
inline constexpr std::uint64_t wake_grace_ns = 50'000;
// How long the others come before woken tasks when those have kept them out for a whole slice.
constexpr std::uint64_t owed_ns(std::uint64_t slice_ns) noexcept { return slice_ns / 4; }
// How long tasks that wait for the poller go without anybody looking.
inline constexpr std::uint64_t poll_patience_ns = 2'000'000;
// Woken tasks served in a row before one of the others.
inline constexpr unsigned woken_streak_limit = 16;
// No more timers are fired while so many woken tasks wait: what a timer touches is still in the cache when its task runs.
inline constexpr unsigned timers_at_once = 128;
// So many of those, at most, a processor takes at once.
inline constexpr unsigned woken_at_once = 32;
// The global queue is looked at first every so many turns, even if the processor's own is not empty.
inline constexpr unsigned global_turn = 61;

// Runs after the task's context is saved, with the task parked, on the scheduler's stack; false: do not park after all.
using park_commit = bool (*)(task &t, void *argument) noexcept;

// Why a task leaves its worker; written by the task, read by the scheduler's loop behind the switch.
struct departure {
  enum class reason : std::uint8_t { none, yielded, parked, preempted, finished, abandoned, returned };
  reason why = reason::none;
  bool pinned = false;
  park_commit commit = nullptr;
  void *argument = nullptr;
};

// A worker with the scheduler's part. Never freed, but used again: handlers, dlclose and the monitor look at workers.
struct os_thread : worker {
  // Its own thread only.
  scheduler *owner = nullptr;
  recent_clock clock;
  departure leaving;
  task *left = nullptr;         // whoever resumes has to do what this one left to be done (direct.h)
  task *picked = nullptr;       // taken from a queue, the next to run
  unsigned direct_switches = 0; // since the scheduler's loop last ran
  task *spare = nullptr;        // tasks that have ended, with stacks of at most the default size: for the next ones (tasks.cpp)
  unsigned spare_count = 0;
  sanitizer::thread_side sanitizer_side;
  bool ends = false;           // a task ended while locked to it
  bool waited_in_vain = false; // it has its processor only to ask for reap_idle
  bool reaped = false;
  bool asked = false; // a task has been asked to stop for its sake, and the monitor not
  patience patient;   // how long it looks for a processor before it sleeps

  // Under scheduler::mutex; the atomics are also peeked at.
  std::atomic<std::uint32_t> locked{0}; // tasks that are locked to this thread: it runs no others
  std::atomic<bool> waiting{false};     // without a processor, for one
  std::atomic<bool> dismissed{false};   // shall end, having waited in vain
  bool pooled = false;
  task_list bound; // runnable tasks that only this worker may run, while it does not wait
  std::atomic<std::uint32_t> bound_count{0};
  std::atomic<std::uint64_t> bound_oldest{never}; // when the first of them was queued
  std::atomic<bool> bound_woken{false};           // one of them was woken, not put aside
  task *first = nullptr;                          // comes with `given`
  os_thread *newer = nullptr, *older = nullptr;   // in the pool
  os_thread *next_of_run = nullptr;
  std::uint64_t waiting_since = 0; // 0: it does not sleep yet
  enum class idle_fate : std::uint8_t { stays, ends, needed };
  idle_fate fate = idle_fate::stays; // of one that waits, while reap_idle has stopped the world. Under the mutex, or its thread's

  alignas(64) std::atomic<processor *> given{nullptr}; // written by who gives, with `waiting` cleared; taken by the worker
  std::atomic<std::uint32_t> word{0};                  // see waiting.cpp
  std::atomic<std::uint64_t> roused_at{0};             // ticks
  // Of its thread: to be started; it runs; it has ended; run() did not wait until it began. run() sleeps on it.
  enum : std::uint32_t { none, announced_only, running, ended, unwaited };
  std::atomic<std::uint32_t> thread_state{none};
  pthread_t thread{};
};

// w has this processor from now on, or none. Its own thread.
void hold(os_thread &w, processor *p) noexcept;

inline os_thread &thread_of(worker &w) noexcept { return static_cast<os_thread &>(w); }
// It runs the tasks that nobody else may run, and no others.
inline bool keeps_to_its_own(const os_thread &w) noexcept { return w.ends || w.locked.load(std::memory_order_relaxed) != 0; }

struct alignas(64) processor {
  scheduler *owner = nullptr;
  std::atomic<worker *> self{nullptr}; // who holds it, or did last
  unsigned index = 0;

  sole_use sole; // of the queues: see scheduler::shared_queues
  run_queue local;
  std::atomic<task *> next{nullptr};        // woken by the task that runs here: its turn comes first. May be stolen
  std::atomic<task *> interrupted{nullptr}; // gave way to a woken task before its slice was over: goes on after it. May be stolen

  // Published for the monitor: written by the worker. `turns` grows with every task taken up.
  alignas(64) std::atomic<task *> running{nullptr};
  std::atomic<std::uint64_t> started{0};
  std::atomic<std::uint64_t> slice_end{never};
  std::atomic<std::uint64_t> turns{0};
  std::atomic<std::uint64_t> owed_until{0}; // not 0: before then tasks that were kept out do not give way to woken ones
  std::atomic<bool> active{false};          // from when the worker takes up a task until it has done what the task left to do; see world.h
  std::atomic<bool> helping{false};         // inside of the helper, in a stopped world
  std::atomic<std::uint64_t> call{0};       // odd: the holder is in an announced call. See call.cpp
  std::atomic<bool> call_keeps{false};      // a call in which nobody takes it away
  std::atomic<bool> away{false}; // its thread is blocked, and another processor is lent in its place. Written under scheduler::mutex

  // The worker's own thread only.
  alignas(64) std::uint64_t slice_begin = 0;
  unsigned woken_streak = 0;
  std::uint64_t woken_since = 0; // when pick() last took a task that was woken or is in the chain of one; 0: it took another since
  std::uint64_t kept_out = 0;    // how long such tasks have run while others waited here, since one of those ran
  std::uint64_t polled_at_turn = 0;
  std::atomic<std::uint32_t> help_seen{0}; // scheduler::help_calls when it last called the helper. Read by who retakes the processor
  bool spinning = false;                   // also set by a waker while the processor is idle
  bool relied_on = false; // wakers left their tasks to it: when it has found one, it looks whether there are more. Set like `spinning`
  std::uint32_t random = 1;

  bool idle = false; // under scheduler::mutex

  // The monitor only.
  alignas(64) std::uint64_t asked_turn = 0;
  std::uint64_t ask_again_at = 0;
  sched::repetition repeated;
  std::uint64_t call_seen = 0; // processor::call, and since when it has been that
  std::uint64_t call_seen_at = 0;
  std::uint64_t looked_turn = 0;
  std::uint64_t seen_turns = 0; // `turns` at its last look
  std::uint64_t alone_turn = 0; // of the task that had nobody behind it when its slice was over, and until when that is not believed
  std::uint64_t alone_until = 0;
  std::uint64_t away_turn = 0; // of the task that blocked, and the processor time that its thread had used when last looked at
  std::uint64_t away_used = 0;
  std::uint64_t away_seen_at = 0;
  std::uint64_t away_look_at = 0;
};

struct scheduler {
  scheduler(const settings &s, std::uint64_t number, std::unique_ptr<processor[]> reused = nullptr);

  settings set;
  std::uint64_t run;           // a number for each run()
  unsigned count;              // processors that run managed code at the same time
  unsigned capacity;           // entries of `processors`: behind the first `count` those that may be lent (lending.cpp)
  std::atomic<unsigned> slots; // entries that have been in use; grows
  std::unique_ptr<processor[]> processors;

  bool sole_locks = false;               // the worker with the processor may be alone: sole_locks.h
  std::atomic<bool> shared_queues{true}; // others than its holder may take from a processor's queues. False only with one processor

  lock mutex;
  task_list global STILLPOINT_GUARDED_BY(mutex);
  task_list woken STILLPOINT_GUARDED_BY(mutex);
  std::vector<processor *> idle STILLPOINT_GUARDED_BY(mutex);  // reserved in full: push_back does not allocate
  std::vector<processor *> spare STILLPOINT_GUARDED_BY(mutex); // those that nobody may run with; reserved in full as well
  os_thread *pool STILLPOINT_GUARDED_BY(mutex) = nullptr;      // workers that wait for any processor: the latest first
  os_thread *threads STILLPOINT_GUARDED_BY(mutex) = nullptr;   // all workers of the run, by next_of_run
  // Copies for a look without the lock; written under it.
  std::atomic<std::uint32_t> global_count{0};
  std::atomic<std::uint64_t> global_oldest{never};
  std::atomic<std::uint32_t> woken_count{0};
  std::atomic<std::uint32_t> idle_count{0};
  std::atomic<std::uint32_t> spinning{0};
  std::atomic<std::uint32_t> lookers{0}; // workers that wait for a processor and do not sleep yet
  std::atomic<std::uint32_t> lent{0};    // processors that are away: so many more than `count` are in use
  std::atomic<std::uint32_t> surplus{0}; // and so many more than that, until somebody gives his up
  std::atomic<std::uint64_t> lendings{0};

  timers sleepers;
  std::atomic<os_thread *> watcher{nullptr}; // the waiting worker that gets up for timers. Written under `mutex`
  std::atomic<std::uint64_t> watch_until{never};
  std::atomic<bool> watcher_polls{false};  // it waits in the poller. Written under `mutex`
  std::atomic<std::uint64_t> last_poll{0}; // when somebody last looked at the poller

  alignas(64) std::atomic<std::uint64_t> monitor_deadline{0}; // 0: awake
  std::atomic<std::uint32_t> monitor_word{0};
  std::atomic<bool> watching_calls{false}; // the monitor looks every 20 us
  pthread_t monitor_thread{};

  alignas(64) std::atomic<std::uint32_t> world{0}; // 0: it runs. See world.cpp
  std::atomic<std::uint32_t> help_calls{0};

  trace::observer observed;
  storm storming;

  std::atomic<bool> stopping{false};
  std::atomic<bool> monitor_stop{false};
  std::atomic<bool> forked{false}; // we are in a child of fork(): no other thread is here
  std::atomic<std::uint32_t> main_done{0};
  std::atomic<std::uint64_t> next_task_id{1};
  std::atomic<std::uint64_t> steals{0};
  std::atomic<std::uint64_t> threads_started{0};
  std::atomic<std::uint64_t> threads_ended{0};  // while the run went on
  std::atomic<std::uint64_t> threads_reaped{0}; // of those: for having been idle
  std::atomic<bool> reap_wanted{false};         // some worker has waited for too long
  std::atomic<std::uint32_t> leaving{0};        // threads that are off the list and still here
  std::atomic<std::uint64_t> calls_handed_over{0};
  task *main_task = nullptr;
  const abi::main_call *program = nullptr; // the main task is the program's main: main_task.cpp
  scheduler *next_retired = nullptr;
  sigset_t worker_signals{}; // what workers block: what the caller of run() did
};

// Queues (queues.cpp). Any of them on a worker's thread may be called from a task or from the scheduler's loop.
namespace sched {

void push_overflow(processor &p, task &t) noexcept;      // push_local() for who finds the ring full
inline void push_local(processor &p, task &t) noexcept { // the worker's own thread
  t.queued_at.store(p.started.load(std::memory_order_relaxed), std::memory_order_relaxed);
  if (!p.local.push(t)) [[unlikely]]
    push_overflow(p, t);
}
void push_global(scheduler &s, task &t, std::uint64_t now) noexcept;         // any thread; wakes nobody
void push_woken(scheduler &s, task &t) noexcept;                             // any thread; wakes nobody
void push_woken(scheduler &s, task_list &all, std::uint32_t count) noexcept; // so many; empties the list
// The next task for p, without stealing; null if there is none.
task *pick(processor &p, std::uint64_t now) noexcept;
task *steal(processor &p) noexcept;
// What is in p's queues goes to those that all look at. Any thread.
void empty_queues(scheduler &s, processor &p) noexcept STILLPOINT_REQUIRES(s.mutex);
// Whether a task other than the running one could run on p now.
bool others_could_run(const processor &p) noexcept;
// The same if its worker is not there to run what only that may.
bool wanted_by_others(const processor &p) noexcept;

// Wake-ups and the monitor's alarm (wake.cpp).
bool work_anywhere(scheduler &s) noexcept; // in a queue that any worker may take from
bool crowded(const scheduler &s) noexcept; // nobody is idle or looking for work
// Whether so many who look for a processor take a CPU from those that have one.
bool short_of_cpus(const scheduler &s, std::uint32_t lookers) noexcept;
// Whether a woken task in p's queues has only p's worker to wait for: nobody looks for work, or it may be locked to that thread.
bool nobody_helps(const processor &p) noexcept;
void call_for_help(scheduler &s) noexcept; // there is more than we can take: wakes a worker, or the monitor if all are busy
void wake_one(scheduler &s) noexcept;      // an idle processor, if there is one and none looks for work already. Any thread
void stop_looking(processor &p) noexcept;  // no longer counted as looking for work: look once more afterwards
void wake_all(scheduler &s) noexcept;      // every idle processor. Any thread
void alarm_monitor(scheduler &s, std::uint64_t when) noexcept; // the monitor shall look no later than `when`. Any thread
void arm(processor &p) noexcept;                               // after a change of p's queues or running task: alarms whom it concerns
void call_for_watch(scheduler &s) noexcept;   // somebody else shall look after timers and the poller: a worker lies down that cannot
void arm_behind_fence(processor &p) noexcept; // the same for who has just passed a full fence
void arm_for_queued(processor &p) noexcept;   // the same, behind a fence, if a task in p's ring is all that is new

// Workers and processors (waiting.cpp, bound.cpp).
// The worker that may run `t`, or null: any that no task is locked to.
inline worker *bound_to(const task &t) noexcept { return t.locked_to ? t.locked_to : t.pinned_to; }
// w's own thread, scheduler's stack, with a processor and nothing to run: afterwards it has one, or waits.
void wait_for_work(os_thread &w) noexcept;
// The same thread, without a processor: returns when it has one, with the task that it comes with, or null. Without one only if the run ends or
// the thread shall.
task *await_processor(os_thread &w) noexcept;
// w picked `t`, which it may not run: another worker will. w may have lost its processor.
void pass_on(os_thread &w, task &t) noexcept;
// A runnable task in no queue that any worker may run: at once, if a processor is idle. Any thread.
bool run_on_idle(scheduler &s, task &t) noexcept;
// A runnable task in no queue that only `w` may run; w is not the caller, or comes to its loop next. Any thread.
void push_bound(os_thread &w, task &t, bool is_woken) noexcept;
task *pop_bound(os_thread &w) noexcept; // w's own thread
// Nobody holds `p` any more, and its worker does not wait: it goes to one that does, or is idle. Any thread.
void release_processor(processor &p) noexcept;
// An idle processor of the run for w, which has none; `wanted` if that is idle. Null if none is.
processor *take_idle_processor(os_thread &w, processor *wanted) noexcept;
// w, which has no processor, waits from now on; `t`, runnable, in no queue, came back from a call on it. w's own thread (returned.cpp).
void wait_behind(os_thread &w, task &t) noexcept;
// Whether w's thread may end although the run does not: nothing is locked to it, and no task has an address of its thread-local storage. On its own
// thread, with a processor; stops the world for a moment.
bool may_end(os_thread &w) noexcept;
// Ends the threads that have waited for a processor for too long, but one. True: w's own is one of them. On its thread, with a processor; stops
// the world for a moment.
bool reap_idle(os_thread &w) noexcept;
// w's thread ends. If the run goes on, others get its processor and forget it.
void leave_run(os_thread &w) noexcept;
// Wakes a waiting worker to look around. Any thread.
void rouse(os_thread &w) noexcept;

// The poller (polling.cpp; poller.h says what it is).
bool poller_wanted() noexcept; // it is in use
// Without waiting, for p: what it finds goes to p's queue. Returns how many tasks. p's worker, scheduler's stack.
unsigned poll_here(processor &p, std::uint64_t now) noexcept;
// The monitor's: if nobody has for too long.
void poll_for_others(scheduler &s, std::uint64_t now) noexcept;
// When the monitor has to do that.
std::uint64_t poll_due(const scheduler &s) noexcept;
// Behind a fence: makes a watcher poll that only waits for timers; if there is no watcher, the same answer.
std::uint64_t call_for_poller(scheduler &s) noexcept;
// Makes runnable what was found: for p and those who steal; for whoever has time.
void run_polled(processor &p, task_list &ready, unsigned count) noexcept;
void offer_polled(scheduler &s, task_list &ready, unsigned count) noexcept;

// Timers (timers.h says what a timer's function may do). On a thread that is no worker, or a task that goes on running: set_timer tells who
// has to know. In a park_commit `s.sleepers.set()` is enough, since the worker looks for the earliest timer before it does anything else; not so in
// that of park_lightly.
void set_timer(scheduler &s, timer &t, std::uint64_t when) noexcept;
// Afterwards the timer does not fire, and is not firing. False: it has fired, or was not set.
inline bool cancel_timer(scheduler &s, timer &t) noexcept { return s.sleepers.cancel(t); }
// Fires the timers whose time has come and wakes whom they wake; returns how many. `p` is null on the monitor. Unless `patient`, none while
// somebody else does.
unsigned fire_timers(scheduler &s, processor *p, std::uint64_t now, bool patient = false) noexcept;

// The worker's and monitor's threads (worker.cpp, monitor.cpp).
void worker_loop(os_thread &w) noexcept;
void be_worker(os_thread &w) noexcept; // the calling thread, until the run is over or the worker shall end; the caller retires it
// A new thread that holds `p`, and runs `first` if that is not null. Any thread; the worker is on the run's list already.
void start_thread(os_thread &w) noexcept;
void monitor_loop(scheduler &s) noexcept;

// Says that `t` runs with `p` from now on; passes a full fence. The worker's own thread.
void take_up(processor &p, task &t, std::uint64_t now) noexcept;
// Says that `t` is about to run on w.
inline void begin_turn(os_thread &w, task &t) noexcept {
  t.last_worker = &w;
  t.pinned_to = nullptr;
  t.woken = false;
  t.slice_used = 0;
  w.current = &t;
}

// On a task's stack: leaves the worker for the scheduler's loop and returns when the task is taken up again. The first for who has written w.leaving,
// piece by piece in place: to copy what was just written in pieces costs as much as half a switch.
void leave(os_thread &w) noexcept;
void leave(worker &w, const departure &why) noexcept;

// `t` has ended: ends the process if that was main, in a child of fork().
void end_forked_main(const scheduler &s, const task &t) noexcept;

// The run() in progress, or null. Who is none of its workers, nor its monitor, may not follow it: see visit.
scheduler *active() noexcept;
extern constinit std::atomic<std::uint64_t> active_number; // scheduler::run of the run in progress; 0: none
// Whether `t` is a task of the run() in progress. Any thread.
inline bool is_active(const task &t) noexcept { return t.run == active_number.load(std::memory_order_acquire); } // pairs with run_main

// The run() in progress for a thread that may be none of its workers: until the end of the visit the object serves no other run, and run()
// does not return. So it must be short. Any thread, also in a signal handler.
class visit {
public:
  visit() noexcept;
  ~visit();
  visit(const visit &) = delete;
  visit &operator=(const visit &) = delete;
  // Null: none is in progress.
  [[nodiscard]] scheduler *run() const noexcept { return run_; }

private:
  scheduler *run_;
};

// The calling task's worker. Throws std::logic_error naming `call` outside tasks; never returns if the run is over; fatal in a child of
// fork().
worker &require_task(const char *call);
// What it asks, of the calling thread's worker: where it would throw, or not return, no lock may be held.
inline bool may_wait(const worker *w) noexcept {
  if (w == nullptr || w->current == nullptr || w->current->call_depth.load(std::memory_order_relaxed) != 0)
    return false;
  const scheduler &s = *static_cast<const os_thread *>(w)->owner;
  return !s.forked.load(std::memory_order_relaxed) && !s.stopping.load(std::memory_order_relaxed);
}

// Any thread that starts or ends a worker.
os_thread &new_worker() noexcept;
void set_this_worker(worker *w) noexcept;
void retire_worker(os_thread &w) noexcept;

} // namespace sched
} // namespace stillpoint::rt

#endif
