// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Tasks that come back from an announced call (call.cpp) when others have all processors.
//
// Problem: who is woken waits until the monitor has got up and asked a task to give way, and the processor then for its next thread to wake: a task that
// reads a pipe took a tenth from one that computes, where waking a thread takes 35 us.
// Mechanism: its thread is awake. It asks the task that has run longest, as the monitor would, keeps its own task to this thread, and looks for the
// processor for as long as waking another would take. Whoever stops passes it on (bound.cpp), looks for it himself, and has it back when this task is
// in its next call. If it looked in vain it tells the monitor, as it does at once if there is no CPU to look on.
// Invariant: the worker that asked looks, or has told the monitor.
#include "sched/call.h"
#include "sched/processors.h"

#include <algorithm>

namespace stillpoint::rt::sched {
namespace {

// Of the processors that run tasks, the one that has for the longest time.
processor *longest_running(scheduler &s) noexcept {
  processor *longest = nullptr;
  std::uint64_t since = never;
  for (unsigned i = 0; i < s.slots; ++i) {
    processor &p = s.processors[i];
    const std::uint64_t started = p.started.load(std::memory_order_relaxed);
    if (started < since && p.running.load(std::memory_order_relaxed) && !p.away.load(std::memory_order_relaxed) && !in_call(p)) {
      longest = &p;
      since = started;
    }
  }
  return longest;
}

// Whose task the monitor would ask to give way to one that is woken now. Null: nobody's, or who asks has no CPU to look for a processor meanwhile.
processor *whom_to_ask(scheduler &s) noexcept {
  if (s.idle_count.load(std::memory_order_relaxed) != 0 || short_of_cpus(s, s.lookers.load(std::memory_order_relaxed) + 1))
    return nullptr;
  processor *const p = longest_running(s);
  if (!p)
    return nullptr;
  const std::uint64_t from =
      std::max(p->started.load(std::memory_order_relaxed) + wake_grace_ns, p->owed_until.load(std::memory_order_relaxed));
  return from <= monotonic_now() ? p : nullptr;
}

bool ask(const processor &p) noexcept {
  worker &w = *p.self.load(std::memory_order_relaxed);
  task *const t = p.running.load(std::memory_order_acquire); // pairs with the worker's release
  return t && !blocked_in_kernel(w.thread_id.load(std::memory_order_relaxed)) && preempt::request(w, *t);
}

} // namespace

void wait_behind(os_thread &w, task &t) noexcept {
  scheduler &s = *w.owner;
  processor *const asked = whom_to_ask(s);
  if (asked && !bound_to(t))
    t.pinned_to = &w;
  t.woken = true;
  t.slice_used = 0;
  {
    const lock_guard held(s.mutex);
    begin_waiting(s, w); // first: whoever finds the task may have to find its worker waiting
    s.woken.push_back(t);
    s.woken_count.fetch_add(1, std::memory_order_relaxed);
  }
  std::atomic_thread_fence(std::memory_order_seq_cst); // pairs with the fence in wait_for_work and the monitor's
  w.asked = asked && ask(*asked);
  if (!w.asked)
    call_for_help(s);
}

} // namespace stillpoint::rt::sched
