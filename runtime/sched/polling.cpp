// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Who asks the poller, and where the tasks go that it finds: poller.h.
//
// Mechanism. A worker whose queues are empty polls before it steals, and each `global_turn` turns even if they are not. The watcher waits in
// poll() for the first event, and takes a processor for it. Where no watcher does, because all processors are busy or because nobody waited for the
// poller when it lay down, the monitor polls what nobody else has polled for a while, and the tasks are served like all that were woken.
// Invariant: as long as the poller is in use, somebody waits in poll(), or will poll within poll_patience_ns, or runs no other task before it has polled
// or alarmed the monitor. It begins with watch_files(); whoever ends to wait in poll() takes up a task behind a fence, in arm(), or lies down anew. So
// a task that begins to wait has nobody to tell.
#include "sched/poller.h"

#include "sched/scheduler.h"
#include "sched/tasks.h"

namespace stillpoint::rt::sched {
namespace {

const poller *wanted_poller() noexcept {
  const poller *const n = the_poller();
  return n && n->in_use() ? n : nullptr;
}

} // namespace

bool poller_wanted() noexcept { return wanted_poller() != nullptr; }

void watch_files() noexcept { call_for_watch(*thread_of(*this_worker()).owner); }

unsigned poll_here(processor &p, std::uint64_t now) noexcept {
  const poller *const n = wanted_poller();
  if (!n)
    return 0;
  p.owner->last_poll.store(now, std::memory_order_relaxed);
  task_list ready;
  const unsigned count = n->poll(0, ready);
  run_polled(p, ready, count);
  return count;
}

void poll_for_others(scheduler &s, std::uint64_t now) noexcept {
  const poller *const n = wanted_poller();
  if (!n || poll_due(s) > now)
    return;
  s.last_poll.store(now, std::memory_order_relaxed);
  task_list ready;
  if (const unsigned count = n->poll(0, ready))
    offer_polled(s, ready, count);
}

std::uint64_t poll_due(const scheduler &s) noexcept {
  if (s.watcher.load(std::memory_order_relaxed) && s.watcher_polls.load(std::memory_order_relaxed))
    return never;
  return poller_wanted() ? s.last_poll.load(std::memory_order_relaxed) + poll_patience_ns : never;
}

std::uint64_t call_for_poller(scheduler &s) noexcept {
  if (!poller_wanted())
    return never;
  os_thread *const watcher = s.watcher.load(std::memory_order_relaxed);
  if (!watcher)
    return s.last_poll.load(std::memory_order_relaxed) + poll_patience_ns;
  if (!s.watcher_polls.load(std::memory_order_relaxed))
    rouse(*watcher);
  return never;
}

void run_polled(processor &p, task_list &ready, unsigned count) noexcept {
  while (task *const t = ready.pop_front()) {
    change_state(*t, task_state::parked, task_state::runnable);
    t->woken = true;
    push_local(p, *t);
  }
  if (count > 1) {
    std::atomic_thread_fence(std::memory_order_seq_cst); // pairs with the fence in wait_for_work
    wake_one(*p.owner);
  }
}

void offer_polled(scheduler &s, task_list &ready, unsigned count) noexcept {
  for (task *t = ready.front(); t; t = t->next) {
    change_state(*t, task_state::parked, task_state::runnable);
    t->woken = true;
    t->slice_used = 0;
  }
  push_woken(s, ready, count);
  std::atomic_thread_fence(std::memory_order_seq_cst); // pairs with the fence in wait_for_work and the monitor's
  call_for_help(s);
}

} // namespace stillpoint::rt::sched
