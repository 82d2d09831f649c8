// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Workers that wait for a processor, and processors that wait for a worker: scheduler.h.
//
// Mechanism. A waiting worker is found by os_thread::waiting (and in the pool, unless tasks are locked to its thread). Who has a processor
// for it clears that and writes `given` under scheduler::mutex, and rouses it. The worker looks for a while before it sleeps on its word (awake,
// asleep, roused): two workers that hand one processor to and fro do not enter the kernel, as long as there is a CPU for each (patience.h).
//
// Invariants: a worker that begins to wait leaves nothing on its own list: from then on who picks such a task finds it waiting. So a task that is
// bound to a worker is never stuck behind one that sleeps. Worker objects live for ever, so a late rouse() harms nobody.
#include "fatal.h"
#include "sched/poller.h"
#include "sched/processors.h"

#include <algorithm>
#include <utility>

namespace stillpoint::rt::sched {
namespace {

enum : std::uint32_t { awake, asleep, polling, roused };

// A waiting worker looks so often, whatever else it would do.
constexpr unsigned looks_at_once = 16;
// A thread that shall end, but is still needed, asks so often whether it is.
constexpr std::uint64_t ask_again_ns = 200'000'000;

void leave_pool(scheduler &s, os_thread &w) noexcept STILLPOINT_REQUIRES(s.mutex) {
  if (!w.pooled)
    return;
  w.pooled = false;
  (w.newer ? w.newer->older : s.pool) = w.older;
  if (w.older)
    w.older->newer = w.newer;
  w.newer = w.older = nullptr;
}

// The worker that waits with the least claim on its time: not the watcher, if there is another. Null: a thread has to be started.
os_thread *any_waiting(scheduler &s) noexcept STILLPOINT_REQUIRES(s.mutex) {
  os_thread *const latest = s.pool;
  if (latest && latest->older && latest == s.watcher.load(std::memory_order_relaxed))
    return latest->older;
  return latest;
}

// A new worker on the run's list; its thread is yet to be started.
os_thread &add_worker(scheduler &s, processor &p, task *first) noexcept STILLPOINT_REQUIRES(s.mutex) {
  os_thread &w = new_worker();
  w.owner = &s;
  w.thread_state.store(os_thread::announced_only, std::memory_order_relaxed);
  w.first = first;
  p.self.store(&w, std::memory_order_relaxed);
  w.given.store(&p, std::memory_order_relaxed);
  w.next_of_run = s.threads;
  s.threads = &w;
  return w;
}

} // namespace

void assign(scheduler &s, os_thread &w, processor &p, task *first) noexcept {
  stop_waiting(s, w);
  w.first = first;
  p.self.store(&w, std::memory_order_relaxed);
  w.given.store(&p, std::memory_order_release); // pairs with the acquire in accept
}

void stop_waiting(scheduler &s, os_thread &w) noexcept {
  leave_pool(s, w);
  w.waiting.store(false, std::memory_order_relaxed);
}

bool begin_waiting(scheduler &s, os_thread &w) noexcept {
  hold(w, nullptr);
  w.word.store(awake, std::memory_order_relaxed);
  w.waiting.store(true, std::memory_order_relaxed);
  w.waiting_since = 0;
  w.fate = os_thread::idle_fate::stays; // has run something since reap_idle chose
  if (!keeps_to_its_own(w)) {
    w.pooled = true;
    w.older = s.pool;
    if (s.pool)
      s.pool->newer = &w;
    s.pool = &w;
  }
  return unbind_all(s, w);
}

void recipient::wake() const noexcept {
  if (fresh)
    start_thread(*worker);
  else if (worker)
    rouse(*worker);
}

recipient give_to_any(scheduler &s, processor &p, task *first) noexcept {
  if (os_thread *const w = any_waiting(s)) {
    assign(s, *w, p, first);
    return {w, false};
  }
  return {&add_worker(s, p, first), true};
}

recipient wake_idle(scheduler &s, bool looks) noexcept {
  const lock_guard held(s.mutex);
  if (s.stopping.load(std::memory_order_relaxed))
    return {};
  processor *const p = pop_idle(s);
  if (!p)
    return {};
  p->spinning = looks; // handed over under the lock
  p->relied_on = true;
  return give_to_any(s, *p, nullptr);
}

namespace {

// Takes back a processor, if one is idle and nobody has given w one. False: it still waits, or has been given one.
bool withdraw(os_thread &w, processor *wanted = nullptr) noexcept {
  scheduler &s = *w.owner;
  const lock_guard held(s.mutex);
  if (!w.waiting.load(std::memory_order_relaxed))
    return false;
  processor *const p = pop_idle(s, wanted);
  if (!p)
    return false;
  stop_waiting(s, w);
  p->self.store(&w, std::memory_order_relaxed);
  hold(w, p);
  return true;
}

// Who sleeps without being told until when must not be taken for the one who gets up.
void end_watch(scheduler &s, const os_thread &w) noexcept STILLPOINT_REQUIRES(s.mutex) {
  if (s.watcher.load(std::memory_order_relaxed) != &w)
    return;
  s.watcher.store(nullptr, std::memory_order_seq_cst);
  s.watch_until.store(never, std::memory_order_relaxed);
  s.watcher_polls.store(false, std::memory_order_relaxed);
}

// When this worker has to get up by itself: for the next timer and the first event, if nobody else does. One that gets up too late for that is
// roused. `polls`: it has to wait in the poller.
std::uint64_t take_watch(os_thread &w, bool &polls) noexcept {
  scheduler &s = *w.owner;
  os_thread *too_late = nullptr;
  {
    const lock_guard held(s.mutex);
    for (;;) {
      const std::uint64_t when = s.sleepers.earliest();
      polls = poller_wanted();
      os_thread *const watcher = s.watcher.load(std::memory_order_relaxed);
      if (!w.pooled || (when == never && !polls)) {
        polls = false;
        end_watch(s, w);
        return never;
      }
      if (watcher && watcher != &w) {
        if (s.watch_until.load(std::memory_order_relaxed) > when || (polls && !s.watcher_polls.load(std::memory_order_relaxed)))
          too_late = watcher;
        polls = false;
        break;
      }
      s.watcher.store(&w, std::memory_order_relaxed);
      s.watch_until.store(when, std::memory_order_relaxed);
      s.watcher_polls.store(polls, std::memory_order_relaxed);
      std::atomic_thread_fence(std::memory_order_seq_cst); // pairs with the fence in arm(): it sees our time or we see its timer
      if (s.sleepers.earliest() >= when && (polls || !poller_wanted()))
        return when;
    }
  }
  if (too_late)
    rouse(*too_late);
  return never;
}

void drop_watch(os_thread &w) noexcept {
  scheduler &s = *w.owner;
  if (s.watcher.load(std::memory_order_relaxed) != &w)
    return;
  const lock_guard held(s.mutex);
  end_watch(s, w);
}

// Takes what it was given. Null with w.held set or not: see await_processor.
bool accept(os_thread &w) noexcept {
  processor *const p = w.given.load(std::memory_order_acquire); // pairs with assign
  if (!p)
    return false;
  w.given.store(nullptr, std::memory_order_relaxed);
  hold(w, p);
  return true;
}

// Looks for a processor for a while, which began at `begun`.
void spin(os_thread &w, std::uint64_t begun) noexcept {
  scheduler &s = *w.owner;
  const bool divided = !keeps_to_its_own(w) && (poller_wanted() || s.sleepers.earliest() != never);
  const std::uint64_t patient = divided ? std::min(w.patient.ticks(), patience::divided) : w.patient.ticks();
  const std::uint64_t most = w.asked ? w.patient.most() : patient;
  bool counted = false;
  for (;;) {
    bool found = false;
    for (unsigned i = 0; i < looks_at_once && !found; ++i) {
      found = w.given.load(std::memory_order_relaxed) != nullptr;
      __builtin_ia32_pause();
    }
    if (found) {
      w.patient.paid();
      break;
    }
    if (arch::ticks() - begun >= most) {
      if (!w.asked)
        w.patient.in_vain();
      break;
    }
    if (!counted) {
      counted = true;
      s.lookers.fetch_add(1, std::memory_order_relaxed);
    }
    if (short_of_cpus(s, s.lookers.load(std::memory_order_relaxed)))
      break;
  }
  if (counted)
    s.lookers.fetch_sub(1, std::memory_order_relaxed);
}

// Until it is roused, or `deadline`.
void sleep(os_thread &w, std::uint64_t deadline) noexcept {
  std::uint32_t seen = awake;
  w.roused_at.store(0, std::memory_order_relaxed);
  // Pairs with rouse(): it sees us asleep, or we see that we are roused.
  if (w.word.compare_exchange_strong(seen, asleep, std::memory_order_seq_cst))
    while (w.word.load(std::memory_order_acquire) == asleep) {
      futex_wait(w.word, asleep, deadline);
      if (deadline != never && monotonic_now() >= deadline)
        break;
    }
  w.word.exchange(awake, std::memory_order_seq_cst); // whoever roused us before this did what we look for afterwards
  if (const std::uint64_t roused_at = w.roused_at.load(std::memory_order_relaxed); roused_at != 0)
    w.patient.woke(arch::ticks() - roused_at);
}

// The same in the poller. Returns how many tasks that has found.
unsigned sleep_in_poller(os_thread &w, std::uint64_t deadline, task_list &ready) noexcept {
  std::uint32_t seen = awake;
  unsigned found = 0;
  if (w.word.compare_exchange_strong(seen, polling, std::memory_order_seq_cst)) { // as above; who rouses us ends the poll
    found = the_poller()->poll(deadline, ready);
    w.owner->last_poll.store(monotonic_now(), std::memory_order_relaxed);
  }
  w.word.exchange(awake, std::memory_order_seq_cst);
  return found;
}

// When it asks whether its thread is still of use, if nobody has given it anything by then. The last one that waits does not.
std::uint64_t when_too_long(os_thread &w) noexcept {
  scheduler &s = *w.owner;
  if (s.set.idle_ns == never)
    return never;
  const std::uint64_t now = monotonic_now();
  const lock_guard held(s.mutex);
  if (!w.pooled)
    return never;
  if (w.waiting_since == 0)
    w.waiting_since = now;
  if (&w == s.watcher.load(std::memory_order_relaxed) || (!w.older && !w.newer))
    return never;
  return w.waiting_since + s.set.idle_ns > now ? w.waiting_since + s.set.idle_ns : now + s.set.idle_ns; // else it has asked already
}

// The run ends: nobody gives it anything any more.
void cease(os_thread &w) noexcept {
  scheduler &s = *w.owner;
  const lock_guard held(s.mutex);
  if (w.waiting.load(std::memory_order_relaxed))
    stop_waiting(s, w);
}

} // namespace

void rouse(os_thread &w) noexcept {
  if (w.word.load(std::memory_order_relaxed) == asleep)
    w.roused_at.store(arch::ticks(), std::memory_order_relaxed);
  switch (w.word.exchange(roused, std::memory_order_seq_cst)) {
  case asleep:
    return futex_wake(w.word, 1);
  case polling:
    return the_poller()->wake();
  default:
    return;
  }
}

void wake_one(scheduler &s) noexcept {
  if (s.idle_count.load(std::memory_order_seq_cst) == 0)
    return;
  std::uint32_t none = 0;
  if (!s.spinning.compare_exchange_strong(none, 1, std::memory_order_seq_cst))
    return; // that one finds the work, or checks after it gave up
  const recipient woken = wake_idle(s, true);
  if (!woken.worker) {
    s.spinning.fetch_sub(1, std::memory_order_seq_cst);
    alarm_monitor(s, 1); // it was taken, perhaps by nobody who looks for tasks: see count_back
  }
  woken.wake();
}

void wake_all(scheduler &s) noexcept {
  for (unsigned i = 0; i < s.slots; ++i) {
    const recipient woken = wake_idle(s, false);
    if (!woken.worker)
      return;
    woken.wake();
  }
}

bool run_on_idle(scheduler &s, task &t) noexcept {
  if (s.idle_count.load(std::memory_order_relaxed) == 0)
    return false;
  recipient next;
  {
    const lock_guard held(s.mutex);
    processor *const p = s.stopping.load(std::memory_order_relaxed) ? nullptr : pop_idle(s);
    if (!p)
      return false;
    p->spinning = false;
    next = give_to_any(s, *p, &t);
  }
  next.wake();
  return true;
}

void wait_for_work(os_thread &w) noexcept {
  scheduler &s = *w.owner;
  processor &p = *w.held;
  stop_looking(p);
  const bool not_for_us = keeps_to_its_own(w);
  {
    const lock_guard held(s.mutex);
    if ((!not_for_us && (s.global_count.load(std::memory_order_relaxed) || s.woken_count.load(std::memory_order_relaxed))) ||
        s.stopping.load(std::memory_order_relaxed) || !w.bound.empty())
      return;
    push_idle(s, p);
    begin_waiting(s, w);
  }
  std::atomic_thread_fence(std::memory_order_seq_cst); // pairs with the wakers': they see the processor idle or we see their task
  if (!work_anywhere(s) && !s.stopping.load(std::memory_order_relaxed) &&
      s.help_calls.load(std::memory_order_relaxed) == p.help_seen.load(std::memory_order_relaxed))
    return;
  if (not_for_us)
    wake_idle(s, false).wake();
  else if (withdraw(w, &p))
    w.held->relied_on = true;
}

// Waits for an event. True: there was one, and w has a processor for its tasks; false: the others have them, or there was none.
bool watch_poller(os_thread &w, std::uint64_t deadline) noexcept {
  task_list ready;
  const unsigned found = sleep_in_poller(w, deadline, ready);
  if (found == 0)
    return false;
  drop_watch(w);
  if (!w.given.load(std::memory_order_acquire) && withdraw(w)) { // who has been given one takes it with the task that it comes with
    run_polled(*w.held, ready, found);
    return true;
  }
  offer_polled(*w.owner, ready, found);
  return false;
}

task *await_processor(os_thread &w) noexcept {
  scheduler &s = *w.owner;
  w.waited_in_vain = false;
  bool in_time = true; // it got up for a timer, and all processors were busy: from then on those are the monitor's, and not worth our CPU
  const std::uint64_t begun = arch::ticks();
  bool slept = false;
  spin(w, begun);
  if (std::exchange(w.asked, false) && !w.given.load(std::memory_order_relaxed))
    alarm_monitor(s, 1);
  while (!accept(w)) {
    slept = true;
    if (s.stopping.load(std::memory_order_acquire)) { // pairs with settle_finished
      cease(w);
      return nullptr;
    }
    if (w.dismissed.load(std::memory_order_acquire)) { // pairs with dismiss
      drop_watch(w);
      return nullptr;
    }
    bool polls = false;
    if (keeps_to_its_own(w))
      call_for_watch(s); // its last task may have set a timer as it left
    const std::uint64_t watch = w.ends ? monotonic_now() + ask_again_ns : in_time ? take_watch(w, polls) : never;
    const std::uint64_t too_long = when_too_long(w);
    const std::uint64_t deadline = std::min(watch, too_long);
    if (polls) {
      if (watch_poller(w, deadline))
        return nullptr;
    } else {
      sleep(w, deadline);
    }
    if (deadline == never || w.given.load(std::memory_order_relaxed))
      continue;
    const std::uint64_t now = monotonic_now();
    if (now < deadline)
      continue;
    if (now >= watch)
      drop_watch(w);
    if (now >= too_long)
      s.reap_wanted.store(true, std::memory_order_relaxed); // whoever comes to its loop next does it: we, if there is a processor for us
    if (withdraw(w)) {
      w.waited_in_vain = now < watch;
      return nullptr; // the worker's loop fires the timers
    }
    if (now >= watch && !w.ends) {
      in_time = false;
      alarm_monitor(s, 1);
    }
  }
  if (slept)
    w.patient.slept(arch::ticks() - begun);
  drop_watch(w);
  task *const first = w.first;
  w.first = nullptr;
  return first;
}

} // namespace stillpoint::rt::sched
