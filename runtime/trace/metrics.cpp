// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reading the scheduler's figures: <stillpoint/metrics.hpp>.
//
// Invariant: nothing is counted for this that the scheduler does not count for itself; what it does not is found by looking at all tasks.
#include "stillpoint/metrics.hpp"
#include "sched/scheduler.h"
#include "sched/world.h"

namespace stillpoint {
namespace {

using namespace rt;

void count_task(void *into, task &t) noexcept {
  auto &m = *static_cast<scheduler_metrics *>(into);
  switch (t.state.load(std::memory_order_acquire)) { // pairs with change_state
  case task_state::running:
    ++(t.call_depth.load(std::memory_order_relaxed) != 0 ? m.tasks_in_calls : m.tasks_running);
    break;
  case task_state::runnable:
    ++m.tasks_runnable;
    break;
  case task_state::parked:
    ++m.tasks_waiting;
    break;
  case task_state::dead: // since each_task looked
    break;
  }
}

void count_threads(scheduler &s, scheduler_metrics &m) noexcept {
  const lock_guard held(s.mutex);
  for (const os_thread *w = s.threads; w != nullptr; w = w->next_of_run)
    if (w->thread_state.load(std::memory_order_relaxed) == os_thread::running) {
      ++m.threads;
      m.threads_waiting += w->waiting.load(std::memory_order_relaxed);
    }
}

} // namespace

scheduler_metrics read_scheduler_metrics() noexcept {
  scheduler_metrics m;
  const sched::visit here;
  scheduler *const s = here.run();
  if (s == nullptr)
    return m;
  m.processors = s->count;
  m.processors_idle = s->idle_count.load(std::memory_order_relaxed);
  m.processors_looking = s->spinning.load(std::memory_order_relaxed);
  m.threads_started = s->threads_started.load(std::memory_order_relaxed);
  m.threads_ended = s->threads_ended.load(std::memory_order_relaxed);
  m.threads_reaped = s->threads_reaped.load(std::memory_order_relaxed);
  m.processors_lent = s->lendings.load(std::memory_order_relaxed);
  m.calls_handed_over = s->calls_handed_over.load(std::memory_order_relaxed);
  m.steals = s->steals.load(std::memory_order_relaxed);
  m.queued_global = s->global_count.load(std::memory_order_relaxed);
  m.queued_woken = s->woken_count.load(std::memory_order_relaxed);
  for (unsigned i = 0; i < s->slots; ++i) {
    m.turns += s->processors[i].turns.load(std::memory_order_relaxed);
    m.queued_local += s->processors[i].local.size();
  }
  m.tasks_begun = s->next_task_id.load(std::memory_order_relaxed) - 1;
  world::each_task(*s, count_task, &m);
  const std::uint64_t alive = m.tasks_running + m.tasks_in_calls + m.tasks_runnable + m.tasks_waiting;
  m.tasks_ended = m.tasks_begun - (alive < m.tasks_begun ? alive : m.tasks_begun);
  count_threads(*s, m);
  return m;
}

} // namespace stillpoint
