// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Threads that end while the run goes on: a task ended while it was locked to one, or it waited for a processor for too long.
//
// Problem: a task that waits may have, in its frames, an address of the thread-local storage of the thread that it ran on last (a pinned call),
// and comes back to it. Mechanism: somebody stops the world for a moment and looks at the frames of all tasks that ran on such a thread last. If
// one needs it, it stays, and is asked about again later; one to which a task was locked runs nothing else.
//
// Who has waited for too long asks for reap_idle, which whoever has a processor next does, for all of them at once: so the world stops once
// for each settings::idle_ns at most, however many they are. The watcher stays, or if there is none the one that came last: timers and the
// network need somebody, and the first task that comes finds a thread. Who is chosen has waited ever since when it is dismissed, so no task has
// run there since its frames were looked at: begin_waiting says that a thread stays.
//
// Invariants: a worker off the run's list holds nothing of it; nobody finds one that is dismissed (it does not wait, and no task needs it).
// Rejected: looking at a task's frames whenever it parks (a walk at each wait, for an end that hardly ever comes); keeping one thread for each
// processor (to start one takes some tens of microseconds, once in all those seconds).
#include "sched/processors.h"
#include "sched/world.h"

#include <pthread.h>
#include <utility>

namespace stillpoint::rt::sched {
namespace {

constexpr std::uint64_t patience_ns = 1'000'000;

struct question {
  const os_thread *about;
  bool needed;
};

void ask(void *context, task &t) {
  auto &q = *static_cast<question *>(context);
  if (t.locked_to == q.about || t.pinned_to == q.about) {
    q.needed = true;
    return;
  }
  if (t.last_worker != q.about)
    return;
  const bool at_a_call = !t.async_stopped && t.caller.pc != 0;
  if (at_a_call && !preempt::may_migrate(t))
    q.needed = true;
}

using idle_fate = os_thread::idle_fate;

// Those that have waited for too long, `self` among them if it has a processor only to say so.
template <class Visit>
void each_idle(scheduler &s, os_thread &self, std::uint64_t now, Visit visit) noexcept {
  const lock_guard held(s.mutex);
  const os_thread *const watcher = s.watcher.load(std::memory_order_relaxed);
  const os_thread *const stays = watcher ? watcher : s.pool;
  for (os_thread *w = s.threads; w && stays; w = w->next_of_run)
    if (w == &self ? w->waited_in_vain : w != stays && w->pooled && w->waiting_since != 0 && w->waiting_since + s.set.idle_ns <= now)
      visit(*w);
}

void keep_needed(void *, task &t) {
  for (worker *const w : {t.last_worker, t.pinned_to, t.locked_to}) {
    if (!w || thread_of(*w).fate != idle_fate::ends)
      continue;
    question q{&thread_of(*w), false};
    ask(&q, t);
    if (q.needed)
      thread_of(*w).fate = idle_fate::needed;
  }
}

// Those that are to end and have waited ever since. One that a task needs is asked about after another while.
void dismiss(scheduler &s, std::uint64_t now) noexcept {
  const lock_guard held(s.mutex);
  if (s.stopping.load(std::memory_order_relaxed))
    return;
  for (os_thread *w = s.threads; w; w = w->next_of_run) {
    if (!w->pooled || w == s.watcher.load(std::memory_order_relaxed))
      continue;
    const idle_fate fate = std::exchange(w->fate, idle_fate::stays);
    if (fate == idle_fate::needed)
      w->waiting_since = now;
    if (fate != idle_fate::ends)
      continue;
    stop_waiting(s, *w);
    w->dismissed.store(true, std::memory_order_release); // pairs with await_processor
    rouse(*w);
  }
}

} // namespace

bool may_end(os_thread &w) noexcept {
  scheduler &s = *w.owner;
  if (w.locked.load(std::memory_order_relaxed) != 0 || w.bound_count.load(std::memory_order_relaxed) != 0)
    return false;
  stop_looking(*w.held);
  if (!world::stop(*w.held, patience_ns))
    return false;
  question q{&w, false};
  world::each_task(s, ask, &q);
  world::start(*w.held);
  return !q.needed;
}

bool reap_idle(os_thread &w) noexcept {
  scheduler &s = *w.owner;
  s.reap_wanted.store(false, std::memory_order_relaxed);
  const std::uint64_t now = monotonic_now();
  bool any = false;
  each_idle(s, w, now, [&any](os_thread &) { any = true; });
  stop_looking(*w.held);
  if (!any || !world::stop(*w.held, patience_ns)) {
    w.waited_in_vain = false;
    return false;
  }
  // From here on nobody else is here: there is but one stop at a time.
  each_idle(s, w, now, [](os_thread &one) { one.fate = idle_fate::ends; });
  w.waited_in_vain = false;
  world::each_task(s, keep_needed, nullptr);
  dismiss(s, now);
  const bool itself = std::exchange(w.fate, idle_fate::stays) == idle_fate::ends && !keeps_to_its_own(w) &&
                      w.bound_count.load(std::memory_order_relaxed) == 0;
  world::start(*w.held);
  w.reaped = itself;
  return itself;
}

void leave_run(os_thread &w) noexcept {
  scheduler &s = *w.owner;
  {
    const lock_guard held(s.mutex);
    if (s.stopping.load(std::memory_order_relaxed))
      return; // run() waits for the thread
    os_thread **link = &s.threads;
    while (*link != &w)
      link = &(*link)->next_of_run;
    *link = w.next_of_run;
    pthread_detach(w.thread);
    s.leaving.fetch_add(1, std::memory_order_relaxed);
  }
  s.threads_ended.fetch_add(1, std::memory_order_relaxed);
  if (w.reaped || w.dismissed.load(std::memory_order_relaxed))
    s.threads_reaped.fetch_add(1, std::memory_order_relaxed);
  if (processor *const p = w.held) {
    hold(w, nullptr);
    release_processor(*p);
  }
  s.leaving.fetch_sub(1, std::memory_order_release); // pairs with stop_workers; from here on the run may be over
}

} // namespace stillpoint::rt::sched
