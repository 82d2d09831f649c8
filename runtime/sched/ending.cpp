// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Threads that end while the run goes on: a task ended while it was locked to one.
//
// Problem: a task that waits may have, in its frames, an address of the thread-local storage of the thread that it ran on last (a pinned call),
// and comes back to it. Mechanism: the thread stops the world for a moment and looks at the frames of all tasks that ran on it last. If
// one needs it, it stays, runs nothing else, and asks again later.
// Invariants: a worker off the run's list holds nothing of it. Rejected: looking at a task's frames whenever it parks (a walk at each wait,
// for an end that hardly ever comes).
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
  if (t.last_worker != q.about)
    return;
  const bool at_a_call = !t.async_stopped && t.caller.pc != 0;
  if (t.pinned_to == q.about || (at_a_call && !preempt::may_migrate(t)))
    q.needed = true;
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
  if (processor *const p = std::exchange(w.held, nullptr))
    release_processor(*p);
  s.leaving.fetch_sub(1, std::memory_order_release); // pairs with stop_workers; from here on the run may be over
}

} // namespace stillpoint::rt::sched
