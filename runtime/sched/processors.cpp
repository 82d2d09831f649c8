// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Idle processors, and those lent in place of others whose threads are blocked in the kernel by a call that nobody announced.
//
// Problem: a task that calls read() or waits for a std::condition_variable without saying so keeps its processor, and cannot be stopped: what it
// would run next is whatever it comes back to. With one processor nobody else would run, and nobody could wake it.
//
// Mechanism. `count` processors may run managed code; some more exist (scheduler::spare) that have no worker. When the monitor finds that a processor
// is wanted by others and its thread sleeps in the kernel, it marks that one as away and puts its tasks where all find
// them, and gives a spare one to a worker.
// Once the thread runs again (the monitor sees it use a CPU, or it comes to its scheduler's loop) there is one too many in use: an idle one
// becomes spare, or else `surplus` says so, and the next worker in its loop puts its tasks where all find them and gives its own up. The monitor
// asks the task that came back to stop, so that is soon.
//
// Invariants: processors held by workers or idle are count + lent + surplus. All are alike: which one is given up does not matter. The stop of the
// world waits for the task of a processor that is away, since it may come back at any time.
// Rejected: to take the processor itself away (its task would run managed code without one when it comes back, before anybody could see it);
// seccomp or ptrace to see system calls as they are made (each would cost microseconds).
#include "sched/processors.h"

#include <algorithm>

namespace stillpoint::rt::sched {
namespace {

void count_back(scheduler &s, processor &p) noexcept STILLPOINT_REQUIRES(s.mutex) {
  if (!p.away.load(std::memory_order_relaxed))
    return;
  p.away.store(false, std::memory_order_relaxed);
  s.lent.fetch_sub(1, std::memory_order_relaxed);
  if (processor *const unused = pop_idle(s))
    s.spare.push_back(unused);
  else
    s.surplus.fetch_add(1, std::memory_order_relaxed);
}

} // namespace

processor *pop_idle(scheduler &s, processor *wanted) noexcept {
  if (s.idle.empty())
    return nullptr;
  auto at = wanted && wanted->idle ? std::find(s.idle.begin(), s.idle.end(), wanted) : std::prev(s.idle.end());
  processor *const p = *at;
  s.idle.erase(at);
  p->idle = false;
  s.idle_count.fetch_sub(1, std::memory_order_seq_cst);
  return p;
}

void push_idle(scheduler &s, processor &p) noexcept {
  count_back(s, p);
  p.woken_since = p.kept_out = 0; // what passes from now on keeps nobody out
  p.owed_until.store(0, std::memory_order_relaxed);
  if (s.surplus.load(std::memory_order_relaxed) != 0) {
    s.surplus.fetch_sub(1, std::memory_order_relaxed);
    s.spare.push_back(&p);
    return;
  }
  p.idle = true;
  s.idle.push_back(&p);
  if (s.idle_count.fetch_add(1, std::memory_order_seq_cst) + 1 == s.count + s.lent.load(std::memory_order_relaxed))
    trace::all_idle(s); // and nobody is away
}

void release_processor(processor &p) noexcept {
  scheduler &s = *p.owner;
  const bool work = wanted_by_others(p);
  recipient next;
  {
    const lock_guard held(s.mutex);
    count_back(s, p);
    const bool wanted = s.surplus.load(std::memory_order_relaxed) == 0;
    if (!wanted)
      empty_queues(s, p);
    if (wanted && work && !s.stopping.load(std::memory_order_relaxed))
      next = give_to_any(s, p, nullptr);
    else
      push_idle(s, p);
  }
  next.wake();
  if (next.worker)
    return;
  std::atomic_thread_fence(std::memory_order_seq_cst); // pairs with the wakers', as in wait_for_work
  if (work_anywhere(s) || s.help_calls.load(std::memory_order_relaxed) != p.help_seen.load(std::memory_order_relaxed)) {
    const recipient other = wake_idle(s, false);
    other.wake();
    if (!other.worker)
      alarm_monitor(s, 1);
  }
}

processor *take_idle_processor(os_thread &w, processor *wanted) noexcept {
  scheduler &s = *w.owner;
  if (s.idle_count.load(std::memory_order_relaxed) == 0)
    return nullptr;
  const lock_guard held(s.mutex);
  processor *const p = pop_idle(s, wanted);
  if (p) {
    p->self.store(&w, std::memory_order_relaxed);
    p->spinning = false;
  }
  return p;
}

bool lend_for(processor &p) noexcept {
  scheduler &s = *p.owner;
  recipient next;
  {
    const lock_guard held(s.mutex);
    if (p.away.load(std::memory_order_relaxed) || s.stopping.load(std::memory_order_relaxed))
      return false;
    if (!p.sole.end(s.shared_queues) || !end_sole_locks()) // so it is not blocked any more
      return false;
    if (s.surplus.load(std::memory_order_relaxed) != 0) { // whoever was to give his up keeps it
      s.surplus.fetch_sub(1, std::memory_order_relaxed);
    } else {
      if (s.spare.empty())
        return false;
      processor &other = *s.spare.back();
      s.spare.pop_back();
      other.spinning = false;
      other.help_seen.store(p.help_seen.load(std::memory_order_relaxed), std::memory_order_relaxed);
      // Before anybody runs there: who stops the world sees it, or is seen (world.cpp).
      s.slots.store(std::max(s.slots.load(std::memory_order_relaxed), other.index + 1), std::memory_order_seq_cst);
      next = give_to_any(s, other, nullptr);
    }
    p.away.store(true, std::memory_order_relaxed);
    s.lent.fetch_add(1, std::memory_order_relaxed);
    empty_queues(s, p); // else only thieves would see that there is more to do
  }
  s.lendings.fetch_add(1, std::memory_order_relaxed);
  next.wake();
  return true;
}

void serve_for(processor &p) noexcept {
  if (p.local.empty() && !p.next.load(std::memory_order_relaxed) && !p.interrupted.load(std::memory_order_relaxed))
    return;
  scheduler &s = *p.owner;
  {
    const lock_guard held(s.mutex);
    empty_queues(s, p);
  }
  std::atomic_thread_fence(std::memory_order_seq_cst); // pairs with the fence in wait_for_work
  wake_one(s);
}

void end_lending(processor &p) noexcept {
  const lock_guard held(p.owner->mutex);
  count_back(*p.owner, p);
}

bool give_up(os_thread &w) noexcept {
  scheduler &s = *w.owner;
  processor &p = *w.held;
  stop_looking(p);
  {
    const lock_guard held(s.mutex);
    count_back(s, p);
    if (s.surplus.load(std::memory_order_relaxed) == 0 || s.stopping.load(std::memory_order_relaxed))
      return false;
    empty_queues(s, p);
    push_idle(s, p);
    begin_waiting(s, w);
  }
  std::atomic_thread_fence(std::memory_order_seq_cst); // pairs with the wakers' and the monitor's
  if (work_anywhere(s))
    call_for_help(s);
  return true;
}

} // namespace stillpoint::rt::sched
