// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Idle workers, wake-ups and the monitor's alarm: scheduler.h says who wakes whom.
//
// Invariant: a runnable task is taken up by a worker that looks already (scheduler::spinning counts those), or one is woken; a worker
// that stops
// looking checks everything once more after it is counted out.
#include "fatal.h"
#include "sched/park.h"
#include "sched/tasks.h"

#include <algorithm>
#include <cassert>

namespace stillpoint::rt::sched {
namespace {

void get_up(processor &p) noexcept {
  p.wake_word.store(1, std::memory_order_release); // pairs with the acquire in wait_for_work
  futex_wake(p.wake_word, 1);
}

void leave_idle_list(scheduler &s, processor &p) noexcept STILLPOINT_REQUIRES(s.mutex) {
  s.idle.erase(std::find(s.idle.begin(), s.idle.end(), &p));
  p.idle = false;
  s.idle_count.fetch_sub(1, std::memory_order_seq_cst);
}

// Which idle worker costs least to wake: one that sleeps without a timer, the timer waiter, one without a thread yet.
processor *cheapest_idle(scheduler &s) noexcept STILLPOINT_REQUIRES(s.mutex) {
  processor *best = nullptr;
  int best_rank = 3;
  for (processor *const p : s.idle) {
    const int rank = p->thread_state.load(std::memory_order_relaxed) == 0 ? 2 : s.timer_waiter.load(std::memory_order_relaxed) == p ? 1 : 0;
    if (rank < best_rank) {
      best = p;
      best_rank = rank;
    }
  }
  return best;
}

// Takes `p` off the idle list. Returns whether its thread has yet to be started.
bool take_idle(scheduler &s, processor &p) noexcept STILLPOINT_REQUIRES(s.mutex) {
  leave_idle_list(s, p);
  const bool fresh = p.thread_state.load(std::memory_order_relaxed) == 0;
  if (fresh)
    p.thread_state.store(1, std::memory_order_relaxed);
  return fresh;
}

void rouse(processor &p, bool fresh) noexcept {
  if (fresh)
    start_worker(p);
  else
    get_up(p);
}

// False if there is something to do after all.
bool go_idle(processor &p) noexcept {
  scheduler &s = *p.owner;
  const lock_guard held(s.mutex);
  if (s.global_count.load(std::memory_order_relaxed) || s.woken_count.load(std::memory_order_relaxed) ||
      s.stopping.load(std::memory_order_relaxed))
    return false;
  p.wake_word.store(0, std::memory_order_relaxed);
  p.idle = true;
  s.idle.push_back(&p);
  s.idle_count.fetch_add(1, std::memory_order_seq_cst);
  return true;
}

void withdraw(processor &p) noexcept {
  scheduler &s = *p.owner;
  const lock_guard held(s.mutex);
  if (p.idle)
    leave_idle_list(s, p); // else somebody woke us, perhaps as the one that looks; the word may still be set late, which go_idle undoes
}

// When this worker has to get up by itself: the next timer, if nobody else waits for one as early.
std::uint64_t take_timer_duty(processor &p) noexcept {
  scheduler &s = *p.owner;
  const lock_guard held(s.mutex);
  for (;;) {
    const std::uint64_t when = s.sleepers.earliest();
    const processor *const waiter = s.timer_waiter.load(std::memory_order_relaxed);
    if (when == never || (waiter && waiter != &p && s.timer_wait_until.load(std::memory_order_relaxed) <= when))
      return never;
    s.timer_waiter.store(&p, std::memory_order_relaxed);
    s.timer_wait_until.store(when, std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_seq_cst); // pairs with the fence in arm(): it sees our time or we see its timer
    if (s.sleepers.earliest() >= when)
      return when;
  }
}

void drop_timer_duty(processor &p) noexcept {
  scheduler &s = *p.owner;
  if (s.timer_waiter.load(std::memory_order_relaxed) != &p)
    return;
  const lock_guard held(s.mutex);
  if (s.timer_waiter.load(std::memory_order_relaxed) == &p) {
    s.timer_waiter.store(nullptr, std::memory_order_seq_cst);
    s.timer_wait_until.store(never, std::memory_order_relaxed);
  }
}

void sleep_until_woken(processor &p, std::uint64_t deadline) noexcept {
  while (p.wake_word.load(std::memory_order_acquire) == 0) { // pairs with get_up
    futex_wait(p.wake_word, 0, deadline);
    if (deadline != never && p.wake_word.load(std::memory_order_relaxed) == 0 && monotonic_now() >= deadline)
      return;
  }
}

// If an idle worker waits for timers, but not early enough, wakes it; if none does, says when the monitor has to fire the next one. Behind a
// fence.
std::uint64_t call_for_timers(scheduler &s) noexcept {
  const std::uint64_t timer = s.sleepers.earliest();
  if (timer == never)
    return never;
  processor *const waiter = s.timer_waiter.load(std::memory_order_relaxed);
  if (!waiter)
    return timer;
  if (timer < s.timer_wait_until.load(std::memory_order_relaxed))
    wake_processor(*waiter);
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
  for (unsigned i = 0; i < s.count; ++i) {
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

void wake_one(scheduler &s) noexcept {
  if (s.idle_count.load(std::memory_order_seq_cst) == 0)
    return;
  std::uint32_t none = 0;
  if (!s.spinning.compare_exchange_strong(none, 1, std::memory_order_seq_cst))
    return; // that one finds the work, or checks after it gave up
  processor *p = nullptr;
  bool fresh = false;
  {
    const lock_guard held(s.mutex);
    if (!s.stopping.load(std::memory_order_relaxed) && (p = cheapest_idle(s))) {
      fresh = take_idle(s, *p);
      p->spinning = true; // handed over; under the lock, which it takes before it looks
    }
  }
  if (!p) {
    s.spinning.fetch_sub(1, std::memory_order_seq_cst);
    return;
  }
  rouse(*p, fresh);
}

bool wake_processor(processor &p) noexcept {
  scheduler &s = *p.owner;
  bool fresh = false;
  {
    const lock_guard held(s.mutex);
    if (!p.idle || s.stopping.load(std::memory_order_relaxed))
      return false;
    fresh = take_idle(s, p);
  }
  rouse(p, fresh);
  return true;
}

void wake_all(scheduler &s) noexcept {
  for (unsigned i = 0; i < s.count; ++i)
    wake_processor(s.processors[i]);
}

void stop_looking(processor &p) noexcept {
  if (!p.spinning)
    return;
  p.spinning = false;
  p.owner->spinning.fetch_sub(1, std::memory_order_seq_cst);
}

void wait_for_work(processor &p) noexcept {
  scheduler &s = *p.owner;
  stop_looking(p);
  if (!go_idle(p))
    return;
  std::atomic_thread_fence(std::memory_order_seq_cst); // pairs with the wakers': they see us idle or we see their task
  if (work_anywhere(s) || p.pinned_count.load(std::memory_order_acquire) != 0 || s.stopping.load(std::memory_order_relaxed) ||
      s.help_calls.load(std::memory_order_relaxed) != p.help_seen) {
    withdraw(p);
    return;
  }
  sleep_until_woken(p, take_timer_duty(p));
  drop_timer_duty(p);
  withdraw(p);
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
  scheduler &s = *p.owner;
  std::atomic_thread_fence(std::memory_order_seq_cst); // pairs with the fences in monitor_loop and take_timer_duty
  std::uint64_t when = never;
  if (!s.set.asyncpreemptoff) {
    const bool woken = s.woken_count.load(std::memory_order_relaxed) || p.next.load(std::memory_order_relaxed);
    if ((woken && crowded(s)) || p.pinned_woken.load(std::memory_order_relaxed))
      when = p.started.load(std::memory_order_relaxed) + wake_grace_ns;
    else if (others_could_run(p))
      when = p.slice_end.load(std::memory_order_relaxed);
  }
  alarm_monitor(s, std::min(when, call_for_timers(s)));
}

void set_timer(scheduler &s, timer &t, std::uint64_t when) noexcept {
  if (!s.sleepers.set(t, when))
    return;
  std::atomic_thread_fence(std::memory_order_seq_cst); // pairs with the fences in monitor_loop and take_timer_duty
  alarm_monitor(s, call_for_timers(s));
}

unsigned fire_timers(scheduler &s, processor *p, std::uint64_t now) noexcept {
  if (s.sleepers.earliest() > now)
    return 0;
  task_list due;
  const unsigned count = s.sleepers.fire_due(now, 128, due);
  unsigned loose = 0;
  while (task *const t = due.pop_front()) {
    change_state(*t, task_state::parked, task_state::runnable);
    t->woken = true;
    if (t->pinned_to) {
      push_pinned(*t->pinned_to->held, *t, true);
    } else {
      push_woken(s, *t);
      ++loose;
    }
  }
  std::atomic_thread_fence(std::memory_order_seq_cst); // pairs with the fence in wait_for_work
  if (loose > (p ? 1 : 0))
    wake_one(s);
  return count;
}

void make_ready(task &t) noexcept {
  scheduler *const s = active();
  if (!s || t.owner != s || t.run != s->run || s->stopping.load(std::memory_order_relaxed))
    return;
  change_state(t, task_state::parked, task_state::runnable);
  t.woken = true;
  const worker *const w = this_worker();
  processor *const p = w && w->current && w->held->owner == s ? w->held : nullptr;
  if (t.pinned_to)
    return push_pinned(*t.pinned_to->held, t, true);
  if (!p)
    return offer_woken(*s, t);
  const std::uint64_t now = monotonic_now();
  t.slice_used = now - std::min(now, p->slice_begin);
  if (task *const earlier = p->next.exchange(&t, std::memory_order_acq_rel)) // pairs with take_slot and steal_slot
    push_woken(*s, *earlier);
  arm(*p);
  wake_one(*s);
}

} // namespace stillpoint::rt::sched
