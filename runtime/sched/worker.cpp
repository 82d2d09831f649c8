// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A worker's thread: takes a task, switches to it, and does on its own stack what the task left to be done.
//
// Invariants: a task's context is saved before anyone else can find the task; `worker::current` is set exactly while the thread may be on
// the
// task's stack. Worker objects are never freed, only used again, because handlers, dlclose and the monitor look at them.
#include "fatal.h"
#include "sched/direct.h"
#include "sched/park.h"
#include "sched/processors.h"
#include "sched/tasks.h"
#include "sched/world.h"
#include "stack/stack.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <stdexcept>
#include <string>
#include <sys/prctl.h>
#include <utility>

namespace stillpoint::rt {

constinit thread_local worker *current_worker = nullptr;

namespace {

struct worker_pool {
  lock mutex;
  os_thread *free STILLPOINT_GUARDED_BY(mutex) = nullptr; // linked by older
};
constinit worker_pool workers;
constinit std::atomic<worker *> worker_list{nullptr};

} // namespace

void hold(os_thread &w, processor *p) noexcept {
  w.held = p;
  w.locks.alone = p && p->owner->sole_locks;
}

// Not inlined and opaque: a caller that is resumed on another thread must not reuse the thread pointer, nor the answer.
[[gnu::noinline]] worker *this_worker() noexcept {
  asm volatile("" ::: "memory");
  worker *w = current_worker;
  asm volatile("" : "+r"(w)::"memory");
  return w;
}

worker *all_workers() noexcept { return worker_list.load(std::memory_order_acquire); } // pairs with the release in new_worker

namespace sched {
void take_up(processor &p, task &t, std::uint64_t now) noexcept {
  p.slice_begin = now - std::min(now, t.slice_used);
  p.active.store(true, std::memory_order_relaxed);
  p.started.store(now, std::memory_order_relaxed);
  p.slice_end.store(p.slice_begin + p.owner->set.slice_ns, std::memory_order_relaxed);
  p.turns.store(p.turns.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  t.preempt_requested.store(false, std::memory_order_relaxed);
  p.running.store(&t, std::memory_order_release); // pairs with the monitor's acquire
  arm(p);                                         // its fence comes before the caller's look at the world
}

namespace {

// The scheduler's half of a switch to `t` and back. Returns who came back, not always the same; the worker may hold another processor by then.
task &execute(os_thread &w, task &t, std::uint64_t now) noexcept {
  processor &p = *w.held;
  change_state(t, task_state::runnable, task_state::running);
  for (take_up(p, t, now); world::wanted(*p.owner); take_up(p, t, now)) {
    p.running.store(nullptr, std::memory_order_relaxed);
    world::rest(p);
    now = monotonic_now();
  }
  w.direct_switches = 0;
  preempt::enter_task(w, t);
  begin_turn(w, t);
  sanitizer::before_task(w.sanitizer_side, t);
  std::atomic_signal_fence(std::memory_order_seq_cst); // the handler sees it set before we are on the task's stack
  arch::enter_context(&w.scheduler_context, t.context);
  std::atomic_signal_fence(std::memory_order_seq_cst);
  task &back = *w.current;
  w.current = nullptr;
  sanitizer::after_task(w.sanitizer_side);
  preempt::leave_task(w, back);
  if (w.held)
    w.held->running.store(nullptr, std::memory_order_relaxed);
  return back;
}

void settle_preempted(processor &p, task &t, bool pinned, std::uint64_t now) noexcept {
  change_state(t, task_state::running, task_state::runnable);
  const std::uint64_t used = now - std::min(now, p.slice_begin);
  if (pinned) {
    t.pinned_to = p.self.load(std::memory_order_relaxed);
    push_bound(thread_of(*t.pinned_to), t, false);
  } else if (p.owner->set.storm_ns != 0) {
    scatter(p, t, now);
  } else if (used >= p.owner->set.slice_ns) {
    push_global(*p.owner, t, now);
    wake_one(*p.owner);
  } else { // gives way to a woken task and goes on after it
    t.slice_used = used;
    t.queued_at.store(now, std::memory_order_relaxed);
    if (task *const earlier = p.interrupted.exchange(&t, std::memory_order_acq_rel)) { // pairs with take_interrupted and steal_slot
      earlier->slice_used = 0;
      push_local(p, *earlier);
    }
  }
}

void settle_finished(processor &p, task &t) noexcept {
  scheduler &s = *p.owner;
  const bool was_main = &t == s.main_task;
  if (t.locked_to) { // its thread has a state that nobody else shall see
    os_thread &w = thread_of(*t.locked_to);
    w.locked.fetch_sub(1, std::memory_order_relaxed);
    w.ends = true;
  }
  recycle_task(t);
  if (!was_main)
    return;
  {
    const lock_guard held(s.mutex);
    s.stopping.store(true, std::memory_order_seq_cst);
  }
  s.main_done.store(1, std::memory_order_release); // pairs with run()'s acquire
  futex_wake(s.main_done, 1);
}

// What the task that just left wanted.
void settle(os_thread &w, task &t, std::uint64_t now) noexcept {
  const departure d = w.leaving;
  w.leaving = {};
  if (d.why == departure::reason::abandoned)
    return; // the run is over: nobody resumes it
  if (d.why == departure::reason::returned) {
    change_state(t, task_state::running, task_state::runnable);
    return wait_behind(w, t);
  }
  processor &p = *w.held;
  switch (d.why) {
  case departure::reason::yielded:
    change_state(t, task_state::running, task_state::runnable);
    push_local(p, t);
    return;
  case departure::reason::parked:
    t.waiting_since = now;
    return settle_parked(p, t, d.commit, d.argument);
  case departure::reason::preempted:
    return settle_preempted(p, t, d.pinned, now);
  case departure::reason::finished:
    return settle_finished(p, t);
  default:
    break;
  }
  fatal("internal error: a task left its worker without a reason");
}

task *find_runnable(os_thread &w, std::uint64_t &now) noexcept {
  scheduler &s = *w.owner;
  for (;; now = monotonic_now()) {
    task *t = std::exchange(w.picked, nullptr); // w.held is not null then
    if (!w.held) {
      t = await_processor(w); // also if the run ends: a worker must not end while others think that it waits
      if (!w.held)
        return nullptr;
      now = monotonic_now();
    }
    if (s.stopping.load(std::memory_order_relaxed))
      return nullptr;
    if (!t && may_be_surplus(w) && give_up(w))
      continue;
    processor &p = *w.held;
    if (w.ends && !t && may_end(w))
      return nullptr;
    if (!t && s.reap_wanted.load(std::memory_order_relaxed)) [[unlikely]]
      if (reap_idle(w))
        return nullptr;
    if (!t) {
      fire_timers(s, &p, now);
      const std::uint64_t turn = p.turns.load(std::memory_order_relaxed);
      const bool turn_to_poll = turn - p.polled_at_turn >= global_turn;
      if (turn_to_poll) {
        p.polled_at_turn = turn;
        poll_here(p, now);
      }
      t = pick(p, now);
      if (!t && !turn_to_poll && poll_here(p, now) != 0)
        t = pick(p, now);
    }
    if (!t && !keeps_to_its_own(w))
      t = steal(p);
    if (!t) {
      if (!world::help(p) && fire_timers(s, &p, now, true) == 0 && !stack::cool_some())
        wait_for_work(w);
      continue;
    }
    if (p.spinning || p.relied_on) {
      stop_looking(p);
      p.relied_on = false;
      // Wakers left their tasks to us, and we can take but one.
      if (work_anywhere(s))
        call_for_help(s);
    }
    if (resumes_here(w, *t))
      return t;
    pass_on(w, *t);
  }
}

void *worker_thread(void *argument) noexcept {
  auto &w = *static_cast<os_thread *>(argument);
  pthread_setname_np(pthread_self(), "sp-worker");
  prctl(PR_SET_TIMERSLACK, 1UL); // waiting workers wake sleepers
  w.thread = pthread_self();
  std::uint32_t seen = os_thread::announced_only;
  if (!w.thread_state.compare_exchange_strong(seen, os_thread::running, std::memory_order_release)) // pairs with stop_workers
    pthread_detach(w.thread);
  be_worker(w);
  retire_worker(w);
  return nullptr;
}

} // namespace

void be_worker(os_thread &w) noexcept {
  set_this_worker(&w);
  w.thread_id.store(gettid(), std::memory_order_relaxed);
  preempt::attach_worker(w);
  worker_loop(w);
  free_spares(w);
  leave_run(w);
  preempt::detach_worker(w);
  set_this_worker(nullptr);
  w.thread_state.store(os_thread::ended, std::memory_order_release); // pairs with run()'s acquire
  futex_wake(w.thread_state, 1);
}

void worker_loop(os_thread &w) noexcept {
  std::uint64_t now = w.clock.now();
  while (task *const t = find_runnable(w, now)) {
    task &back = execute(w, *t, now);
    now = w.clock.now();
    const bool was_preempted = w.leaving.why == departure::reason::preempted;
    settle(w, back, now);
    if (was_preempted)
      world::preempted(*w.held);
    if (w.held)
      w.held->active.store(false, std::memory_order_release); // pairs with world::stop
  }
}

void start_thread(os_thread &w) noexcept {
  scheduler &s = *w.owner;
  s.threads_started.fetch_add(1, std::memory_order_relaxed);
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setsigmask_np(&attributes, &s.worker_signals);
  pthread_t thread;
  const int error = pthread_create(&thread, &attributes, worker_thread, &w);
  pthread_attr_destroy(&attributes);
  if (error != 0)
    fatal(message() << "cannot start a worker thread: " << std::string_view(std::strerror(error)));
}

void leave(os_thread &here) noexcept {
  task &t = *here.current;
  sanitizer::before_scheduler(here.sanitizer_side, t, here.leaving.why == departure::reason::finished);
  arch::__stillpoint_leave_context(&t.context, here.scheduler_context);
  os_thread &back = thread_of(*this_worker()); // perhaps another
  sanitizer::after_scheduler(back.sanitizer_side, t);
  settle_left(back);
}

void leave(worker &w, const departure &why) noexcept {
  thread_of(w).leaving = why;
  leave(thread_of(w));
}

worker &require_task(const char *call) {
  worker *const w = this_worker();
  if (!w || !w->current)
    throw std::logic_error(std::string("stillpoint: ") + call + " called outside a task: only inside stillpoint::run()");
  const scheduler &s = *w->held->owner;
  if (w->current->call_depth.load(std::memory_order_relaxed) != 0)
    throw std::logic_error(std::string("stillpoint: ") + call + " called inside syscall() or foreign(): there is no processor");
  if (s.forked.load(std::memory_order_relaxed))
    fatal(message() << call << " called in a child of fork(): only exec and _exit may follow a fork() in a task");
  if (s.stopping.load(std::memory_order_relaxed)) {
    departure d;
    d.why = departure::reason::abandoned;
    leave(*w, d);
  }
  return *w;
}

os_thread &new_worker() noexcept {
  {
    const lock_guard held(workers.mutex);
    if (os_thread *const w = workers.free) {
      workers.free = w->older;
      w->older = nullptr;
      w->signal_in_flight.store(false, std::memory_order_relaxed); // the last one may have reached the thread too late
      return *w;
    }
  }
  auto *const w = new os_thread; // lives as long as the process
  w->next_all = worker_list.load(std::memory_order_relaxed);
  // Release: pairs with all_workers.
  while (!worker_list.compare_exchange_weak(w->next_all, w, std::memory_order_release, std::memory_order_relaxed))
    ;
  return *w;
}

void retire_worker(os_thread &w) noexcept {
  if (w.waiting.load(std::memory_order_relaxed) || w.pooled)
    fatal("internal error: a worker ended while it waited for a processor");
  w.current = nullptr;
  hold(w, nullptr);
  w.first = nullptr;
  w.given.store(nullptr, std::memory_order_relaxed);
  w.ends = w.waited_in_vain = w.reaped = false;
  w.dismissed.store(false, std::memory_order_relaxed);
  w.locked.store(0, std::memory_order_relaxed);
  w.bound = {}; // of a run that is over
  w.bound_count.store(0, std::memory_order_relaxed);
  w.bound_oldest.store(never, std::memory_order_relaxed);
  w.bound_woken.store(false, std::memory_order_relaxed);
  w.thread_id.store(0, std::memory_order_relaxed);
  const lock_guard held(workers.mutex);
  w.older = workers.free;
  workers.free = &w;
}

[[gnu::noinline]] void set_this_worker(worker *w) noexcept { current_worker = w; }

void park(worker &w, const managed_caller &caller, park_commit commit, void *argument, const char *what) noexcept {
  leave(begin_parking(w, caller, commit, argument, what));
}

void reschedule_preempted(bool pinned) noexcept {
  worker &w = *this_worker();
  task &t = *w.current;
  ++t.preemptions;
  departure d;
  d.why = w.held->owner->forked.load(std::memory_order_relaxed) ? departure::reason::none : departure::reason::preempted;
  d.pinned = pinned;
  if (d.why != departure::reason::preempted)
    return;
  scheduler &s = *w.held->owner;
  leave(w, d);
  if (s.set.storm_ns != 0 && this_worker() != &w)
    s.storming.moved.fetch_add(1, std::memory_order_relaxed);
}

// Release: pairs with the acquires in world.cpp.
void interrupted(worker &w) noexcept { w.held->active.store(false, std::memory_order_release); }

} // namespace sched
} // namespace stillpoint::rt
