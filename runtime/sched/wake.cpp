// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Wake-ups and the monitor's alarm: scheduler.h says who wakes whom.
//
// Invariant: a runnable task is taken up by a worker that looks already (scheduler::spinning counts those), or one is woken; a worker that stops
// looking checks everything once more after it is counted out.
#include "sched/park.h"
#include "sched/tasks.h"

#include <algorithm>

namespace stillpoint::rt::sched {
namespace {

// If a waiting worker waits for timers, but not early enough, wakes it; if none does, says when the monitor has to fire the next one, not before
// `earliest`. Behind a fence.
std::uint64_t call_for_timers(scheduler &s, std::uint64_t earliest) noexcept {
  const std::uint64_t timer = s.sleepers.earliest();
  if (timer == never)
    return never;
  os_thread *const watcher = s.watcher.load(std::memory_order_relaxed);
  if (!watcher)
    return std::max(timer, earliest);
  if (timer < s.watch_until.load(std::memory_order_relaxed))
    rouse(*watcher);
  return never;
}

// Where a woken task without a place of its own goes, and who shall run it.
void offer_woken(scheduler &s, task &t) noexcept {
  push_woken(s, t);
  std::atomic_thread_fence(std::memory_order_seq_cst); // pairs with the fence in wait_for_work and the monitor's
  call_for_help(s);
}

} // namespace

bool work_anywhere(scheduler &s) noexcept {
  if (s.global_count.load(std::memory_order_relaxed) || s.woken_count.load(std::memory_order_relaxed))
    return true;
  for (unsigned i = 0; i < s.slots; ++i) {
    const processor &p = s.processors[i];
    if (!p.local.empty() || p.next.load(std::memory_order_relaxed) || p.interrupted.load(std::memory_order_relaxed))
      return true;
  }
  return false;
}

void call_for_help(scheduler &s) noexcept {
  if (s.idle_count.load(std::memory_order_seq_cst) != 0)
    wake_one(s);
  else
    alarm_monitor(s, 1);
}

bool crowded(const scheduler &s) noexcept {
  return s.idle_count.load(std::memory_order_relaxed) == 0 && s.spinning.load(std::memory_order_relaxed) == 0;
}

bool nobody_helps(const processor &p) noexcept {
  return crowded(*p.owner) || thread_of(*p.self.load(std::memory_order_relaxed)).locked.load(std::memory_order_relaxed) != 0;
}

bool short_of_cpus(const scheduler &s, std::uint32_t lookers) noexcept {
  const std::uint32_t used = s.count + s.lent.load(std::memory_order_relaxed);
  const std::uint32_t busy = used - std::min(used, s.idle_count.load(std::memory_order_relaxed));
  return busy + lookers > s.set.cpus;
}

void stop_looking(processor &p) noexcept {
  if (!p.spinning)
    return;
  p.spinning = false;
  p.relied_on = true;
  p.owner->spinning.fetch_sub(1, std::memory_order_seq_cst);
}

void alarm_monitor(scheduler &s, std::uint64_t when) noexcept {
  std::uint64_t planned = s.monitor_deadline.load(std::memory_order_seq_cst);
  while (when < planned)
    if (s.monitor_deadline.compare_exchange_weak(planned, 0, std::memory_order_seq_cst)) { // one alarm is enough
      s.monitor_word.fetch_add(1, std::memory_order_release);                              // pairs with the acquire in monitor_loop
      futex_wake(s.monitor_word, 1);
      return;
    }
}

void arm(processor &p) noexcept {
  std::atomic_thread_fence(std::memory_order_seq_cst); // pairs with the fences in monitor_loop and take_watch
  arm_behind_fence(p);
}

void arm_behind_fence(processor &p) noexcept {
  scheduler &s = *p.owner;
  std::uint64_t when = never; // with asyncpreemptoff the monitor only looks whether the thread is blocked
  const bool woken = s.woken_count.load(std::memory_order_relaxed) || p.next.load(std::memory_order_relaxed) || p.local.marked();
  const os_thread &w = thread_of(*p.self.load(std::memory_order_relaxed));
  if ((woken && nobody_helps(p)) || w.bound_woken.load(std::memory_order_relaxed))
    when = p.started.load(std::memory_order_relaxed) + wake_grace_ns;
  else if (others_could_run(p))
    when = p.slice_end.load(std::memory_order_relaxed);
  const std::uint64_t grace = s.set.asyncpreemptoff ? 0 : p.started.load(std::memory_order_relaxed) + wake_grace_ns;
  alarm_monitor(s, std::min({when, call_for_timers(s, grace), call_for_poller(s)}));
}

void call_for_watch(scheduler &s) noexcept {
  std::atomic_thread_fence(std::memory_order_seq_cst); // pairs with the fences in monitor_loop and take_watch
  alarm_monitor(s, std::min(call_for_timers(s, 0), call_for_poller(s)));
}

void set_timer(scheduler &s, timer &t, std::uint64_t when) noexcept {
  if (!s.sleepers.set(t, when))
    return;
  std::atomic_thread_fence(std::memory_order_seq_cst); // pairs with the fences in monitor_loop and take_watch
  alarm_monitor(s, call_for_timers(s, 0));
}

unsigned fire_timers(scheduler &s, processor *p, std::uint64_t now, bool patient) noexcept {
  const std::uint32_t waiting = s.woken_count.load(std::memory_order_relaxed);
  if (waiting >= timers_at_once || s.sleepers.earliest() > now)
    return 0;
  task_list due;
  const unsigned most = timers_at_once - waiting;
  const unsigned count = patient ? s.sleepers.fire_due(now, most, due) : s.sleepers.try_fire_due(now, most, due);
  task_list woken;
  unsigned loose = 0;
  while (task *const t = due.pop_front()) {
    change_state(*t, task_state::parked, task_state::runnable);
    t->woken = true;
    t->slice_used = 0;
    woken.push_back(*t);
    ++loose;
  }
  if (loose != 0)
    push_woken(s, woken, loose);
  std::atomic_thread_fence(std::memory_order_seq_cst); // pairs with the fence in wait_for_work
  if (loose > (p ? 1 : 0))
    wake_one(s);
  return count;
}

void arm_for_queued(processor &p) noexcept {
  if (const std::uint64_t when = p.slice_end.load(std::memory_order_relaxed);
      when < p.owner->monitor_deadline.load(std::memory_order_seq_cst)) [[unlikely]]
    alarm_monitor(*p.owner, when);
}

namespace {

// arm_behind_fence() where a woken task is all that is new: of timers and the poller the monitor knows what it has to.
void arm_for_woken(processor &p) noexcept {
  scheduler &s = *p.owner;
  const std::uint64_t when =
      nobody_helps(p) ? p.started.load(std::memory_order_relaxed) + wake_grace_ns : p.slice_end.load(std::memory_order_relaxed);
  if (when < s.monitor_deadline.load(std::memory_order_seq_cst)) [[unlikely]]
    alarm_monitor(s, when);
}

// To be served next by p, on whose worker a task wakes it.
[[gnu::always_inline]] inline void make_next(scheduler &s, processor &p, task &t) noexcept {
  t.slice_used = 0;                               // take_next() knows better
  if (p.sole.enter(s.shared_queues)) [[likely]] { // nobody is idle
    task *const earlier = p.next.load(std::memory_order_relaxed);
    p.next.store(&t, std::memory_order_release); // pairs with empty_queues, later
    p.sole.leave();
    if (earlier) [[unlikely]]
      push_woken(s, *earlier);
    this_process::compiler_fence(); // the rest is the monitor's barrier
    return arm_for_woken(p);
  }
  if (keeps_to_its_own(thread_of(*p.self.load(std::memory_order_relaxed))) && !bound_to(t) && run_on_idle(s, t)) [[unlikely]]
    return;
  // Pairs with take_next and steal_slot; and a full fence on this processor.
  task *const earlier = p.next.exchange(&t, std::memory_order_seq_cst);
  if (earlier) [[unlikely]]
    push_woken(s, *earlier);
  arm_for_woken(p);
  // One that is locked to this thread is nobody else's: who came would take it, find that out, and come again for the next.
  if (s.idle_count.load(std::memory_order_seq_cst) != 0 &&
      (earlier || t.locked_to == nullptr || t.locked_to != p.self.load(std::memory_order_relaxed)))
    wake_one(s);
}

// On a thread that keeps the run from being forgotten; `w` is its worker, if it has one.
void make_ready(scheduler &s, task &t, worker *w) noexcept {
  if (t.run != s.run || s.stopping.load(std::memory_order_relaxed))
    return;
  change_state(t, task_state::parked, task_state::runnable);
  t.woken = true;
  processor *const p =
      w && w->current && w->current->call_depth.load(std::memory_order_relaxed) == 0 && w->held->owner == &s ? w->held : nullptr;
  if (worker *const only = bound_to(t); only && only != w) {
    os_thread &owner = thread_of(*only);
    // Without an idle processor it gets the one of whoever finds the task.
    if (!owner.waiting.load(std::memory_order_relaxed) || s.idle_count.load(std::memory_order_relaxed) != 0)
      return push_bound(owner, t, true);
  }
  if (!p)
    return offer_woken(s, t);
  make_next(s, *p, t);
}

[[gnu::noinline]] void make_ready(task &t, worker *w) noexcept {
  if (w && thread_of(*w).owner == t.owner) // no run is put away before its workers have ended
    return make_ready(*t.owner, t, w);
  const visit here;
  if (scheduler *const s = here.run(); s && t.owner == s)
    make_ready(*s, t, w);
}

} // namespace

void ready(task &t) noexcept {
  worker *const w = current_worker;
  scheduler &s = *t.owner;
  const worker *const only = bound_to(t);
  // The common case: a task wakes one of its own run that this worker may run.
  if (w && thread_of(*w).owner == &s && t.run == s.run && may_wait(w) && (!only || only == w)) [[likely]] {
    change_state(t, task_state::parked, task_state::runnable);
    t.woken = true;
    return make_next(s, *w->held, t);
  }
  make_ready(t, w);
}

} // namespace stillpoint::rt::sched
