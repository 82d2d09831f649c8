// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See world.h. scheduler::world is the state, and above it a count of calls for helpers, so that those who rest can sleep on it.
//
// Hand-shake (Dekker's): a worker sets `active`, passes a full fence and looks at the world; the stopper changes the world, passes a full
// fence and looks at `active`. So whoever is not active when the stopper looks rests before it runs a task, and the stopper has only to wait until
// each worker was seen inactive once. A worker clears `active` when nothing is left to do for the task it ran; for one that is preempted
// the signal handler does, as soon as its registers are saved (sched::interrupted): what follows on its way to the scheduler lies below them.
// So no word of a stack that may be scanned changes any more.
//
// The stopper asks by itself and spins: in most cases it waits for a few microseconds, and another thread between it and the signal, or a
// sleep, would cost more than that. If the processors are more than the CPUs it yields, and then sleeps in bounded steps.
//
// Tasks of an earlier run() that could not be stopped (run.cpp) are waited for like any other: they still may touch what the collector frees.
//
// Rejected: waking idle workers for the stop (tens of microseconds); a barrier that counts arrivals (idle workers do not come).
#include "sched/world.h"

#include "scan/foreign.h"
#include "sched/call.h"
#include "sched/processors.h"
#include "sched/run.h"
#include "sched/tasks.h"

#include <algorithm>
#include <sched.h>

namespace stillpoint::rt::world {
namespace {

constexpr std::uint64_t spin_ns = 50'000;
constexpr std::uint64_t yield_ns = 1'000'000;
constexpr std::uint64_t first_backoff_ns = 1'000;
constexpr std::uint64_t last_backoff_ns = 500'000;
// From when on a signal that was neither refused nor obeyed is sent again.
constexpr std::uint64_t unanswered_ns = 5'000'000;
constexpr std::uint64_t rest_spin_ns = 20'000;

// scheduler::world's low bits; in this order.
enum world_state : std::uint32_t { running, stopping, stopped, starting, state_mask = 3, help_call = 4 };

constinit std::atomic<helper> the_helper{nullptr};
constinit std::atomic<preempted_hook> the_hook{nullptr};

world_state state_of(std::uint32_t word) noexcept { return static_cast<world_state>(word & state_mask); }

void enter(scheduler &s, world_state next) noexcept {
  std::uint32_t seen = s.world.load(std::memory_order_relaxed);
  while (!s.world.compare_exchange_weak(seen, (seen & ~std::uint32_t{state_mask}) | next, std::memory_order_seq_cst))
    ;
}

void let_go(scheduler &s) noexcept {
  enter(s, running);
  futex_wake(s.world, INT32_MAX);
}

// Nobody enters the helper once the state is another: both sides write theirs first.
bool help_in_stopped_world(processor &p) noexcept {
  const helper h = the_helper.load(std::memory_order_acquire);
  if (!h)
    return false;
  p.helping.store(true, std::memory_order_seq_cst);
  const bool did = state_of(p.owner->world.load(std::memory_order_seq_cst)) == stopped && h(p, true);
  p.helping.store(false, std::memory_order_release); // pairs with start()
  return did;
}

// The right to stop the world.
void claim(processor &self) noexcept {
  scheduler &s = *self.owner;
  const bool was_active = self.active.load(std::memory_order_relaxed);
  for (;;) {
    std::uint32_t seen = s.world.load(std::memory_order_relaxed);
    if (state_of(seen) != running) {
      rest(self);
    } else if (s.world.compare_exchange_strong(seen, seen | stopping, std::memory_order_seq_cst)) {
      self.active.store(was_active, std::memory_order_relaxed);
      std::atomic_thread_fence(std::memory_order_seq_cst); // see above
      return;
    }
  }
}

// What the stopper knows of a processor that it waits for. No initial values: there is room for many, and to clear that took 7 us.
struct awaited {
  processor *p;
  std::uint64_t turn; // of the task that was asked
  std::uint64_t ask_at;
  std::uint64_t backoff;
};

// Asks the task that runs there to give way, unless it has been asked and its answer is still to come.
void ask(awaited &a, std::uint64_t now) noexcept {
  processor &p = *a.p;
  const std::uint64_t turn = p.turns.load(std::memory_order_relaxed);
  task *const t = p.running.load(std::memory_order_acquire); // pairs with the worker's release
  if (!t)
    return;
  worker &w = *p.self.load(std::memory_order_relaxed);
  if (a.turn != turn || a.backoff == 0) {
    a = {a.p, turn, 0, first_backoff_ns};
  } else if (now < a.ask_at) {
    // Acquire: pairs with the handler's release, which comes after the refusal.
    if (w.signal_in_flight.load(std::memory_order_acquire) || w.last_refusal.load(std::memory_order_relaxed) == refusal::none)
      return;
    const std::uint64_t refused_until = a.ask_at - unanswered_ns + a.backoff;
    if (now < refused_until)
      return;
    a.backoff = std::min(2 * a.backoff, last_backoff_ns);
  }
  if (p.away.load(std::memory_order_relaxed) && sched::blocked_in_kernel(w.thread_id.load(std::memory_order_relaxed))) {
    t->preempt_requested.store(true, std::memory_order_relaxed);
    a.ask_at = now + last_backoff_ns; // a signal would interrupt its call, and could not stop it there
    return;
  }
  a.ask_at = now + unanswered_ns;
  w.last_refusal.store(refusal::none, std::memory_order_relaxed);
  if (p.owner->set.asyncpreemptoff)
    t->preempt_requested.store(true, std::memory_order_relaxed); // it may come to a call into the runtime
  else
    preempt::request(w, *t);
}

// Between two looks.
void pass_time(std::uint64_t waited, std::uint64_t now) noexcept {
  if (waited < spin_ns) {
    for (int i = 0; i < 4; ++i)
      __builtin_ia32_pause();
  } else if (waited < yield_ns) {
    sched_yield();
  } else {
    std::atomic<std::uint32_t> nobody{0};
    futex_wait(nobody, 0, now + std::min(waited / 8, last_backoff_ns));
  }
}

unsigned collect_active(scheduler &s, const processor &self, awaited *into, unsigned room) noexcept {
  unsigned count = 0;
  for (unsigned i = 0; i < s.slots && count < room; ++i)
    if (processor &p = s.processors[i];
        &p != &self && p.active.load(std::memory_order_acquire) && !sched::in_call(p)) // pairs with the release in worker_loop
      into[count++] = {&p, 0, 0, 0};
  return count;
}

// Everyone who may be running a task. False: more than there is room for.
bool collect_all(processor &self, awaited (&waiting)[2 * max_slots], unsigned &count) noexcept {
  count = collect_active(*self.owner, self, waiting, std::size(waiting));
  for (scheduler *s = sched::left_behind_runs(); s; s = s->next_retired)
    count += collect_active(*s, self, waiting + count, static_cast<unsigned>(std::size(waiting)) - count);
  return count < std::size(waiting);
}

bool wait_for_all(processor &self, std::uint64_t begin, std::uint64_t patience_ns) noexcept {
  const scheduler &s = *self.owner;
  awaited waiting[2 * max_slots];
  unsigned count = 0;
  if (!collect_all(self, waiting, count))
    return false;
  for (std::uint64_t now = begin; count != 0; now = monotonic_now()) {
    for (unsigned i = 0; i < count;) {
      if (!waiting[i].p->active.load(std::memory_order_acquire) || sched::in_call(*waiting[i].p)) { // pairs with the release in worker_loop
        waiting[i] = waiting[--count];
        continue;
      }
      ask(waiting[i++], now);
    }
    const std::uint64_t waited = now - std::min(now, begin);
    if (waited > patience_ns || s.stopping.load(std::memory_order_relaxed))
      break;
    pass_time(waited, now);
  }
  return count == 0;
}

void count_stop(worker &w, bool reached, std::uint64_t took) noexcept {
  worker_counters &c = w.counters;
  if (!reached) {
    c.world_stop_failures.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  c.world_stops.fetch_add(1, std::memory_order_relaxed);
  c.world_stop_ns.fetch_add(took, std::memory_order_relaxed);
  if (took > c.world_stop_longest_ns.load(std::memory_order_relaxed)) // the only writer
    c.world_stop_longest_ns.store(took, std::memory_order_relaxed);
}

} // namespace

bool stop(processor &self, std::uint64_t patience_ns) noexcept {
  scheduler &s = *self.owner;
  scan::prepare_foreign();
  claim(self);
  const std::uint64_t begin = monotonic_now();
  const bool reached = wait_for_all(self, begin, patience_ns);
  // A run that ends abandons tasks where they are: their stacks cannot be scanned.
  const bool ending = s.stopping.load(std::memory_order_relaxed);
  if (!ending)
    count_stop(*self.self, reached, monotonic_now() - begin);
  if (!reached || ending) {
    let_go(s);
    return false;
  }
  enter(s, stopped);
  return true;
}

bool hold(scheduler &s, std::uint64_t patience_ns) noexcept {
  const std::uint64_t begin = monotonic_now();
  for (std::uint32_t seen = s.world.load(std::memory_order_relaxed);; seen = s.world.load(std::memory_order_relaxed)) {
    if (state_of(seen) == running && s.world.compare_exchange_strong(seen, seen | stopping, std::memory_order_seq_cst))
      break;
    const std::uint64_t now = monotonic_now();
    if (now - begin > patience_ns)
      return false;
    pass_time(yield_ns, now); // it may take a while: sleep
  }
  std::atomic_thread_fence(std::memory_order_seq_cst); // pairs with announce()'s: whoever did not see us we see as running
  return true;
}

void let_run(scheduler &s) noexcept { let_go(s); }

void start(processor &self) noexcept {
  scheduler &s = *self.owner;
  enter(s, starting);
  for (unsigned i = 0; i < s.slots; ++i)
    for (unsigned turns = 0; s.processors[i].helping.load(std::memory_order_seq_cst); ++turns) // see help_in_stopped_world
      turns < 1000 ? __builtin_ia32_pause() : static_cast<void>(sched_yield());
  let_go(s);
}

void rest(processor &p) noexcept {
  scheduler &s = *p.owner;
  sched::stop_looking(p);
  p.active.store(false, std::memory_order_release); // pairs with the stopper's acquire
  std::uint64_t idle_since = 0;
  for (;;) {
    const std::uint32_t word = s.world.load(std::memory_order_acquire); // pairs with let_go
    if (state_of(word) == running)
      return;
    if (state_of(word) == stopped && help_in_stopped_world(p)) {
      idle_since = 0;
      continue;
    }
    const std::uint64_t now = monotonic_now();
    if (idle_since == 0)
      idle_since = now;
    if (now - idle_since < rest_spin_ns)
      __builtin_ia32_pause();
    else
      futex_wait(s.world, word);
  }
}

bool help(processor &p) noexcept {
  scheduler &s = *p.owner;
  p.help_seen.store(s.help_calls.load(std::memory_order_seq_cst),
                    std::memory_order_relaxed); // before the helper looks for work: see call_helpers
  const helper h = the_helper.load(std::memory_order_acquire);
  if (!h)
    return false;
  const bool looked = p.spinning;
  sched::stop_looking(p);
  if (looked && sched::work_anywhere(s)) // wakers may have relied on us
    return true;
  switch (state_of(s.world.load(std::memory_order_acquire))) {
  case running:
    return h(p, false);
  case stopped:
    return help_in_stopped_world(p);
  default:
    return false;
  }
}

void set_helper(helper h) noexcept { the_helper.store(h, std::memory_order_release); }

void call_helpers(scheduler &s) noexcept {
  s.help_calls.fetch_add(1, std::memory_order_seq_cst); // pairs with the fence in wait_for_work: it sees this, or we see it idle
  sched::wake_all(s);
  if (state_of(s.world.load(std::memory_order_relaxed)) == running)
    return;
  s.world.fetch_add(help_call, std::memory_order_seq_cst); // whoever is about to sleep on the old value does not
  futex_wake(s.world, INT32_MAX);
}

void set_preempted_hook(preempted_hook h) noexcept { the_hook.store(h, std::memory_order_release); }

void preempted(processor &p) noexcept {
  if (const preempted_hook h = the_hook.load(std::memory_order_acquire)) [[unlikely]]
    h(p);
}

void each_task(scheduler &s, task_visitor visit, void *context) noexcept {
  for (task *t = all_tasks(); t; t = t->next_all)
    if (((t->owner == &s && t->run == s.run) || t->call_depth.load(std::memory_order_acquire) != 0) &&
        t->state.load(std::memory_order_acquire) != task_state::dead) // pairs with change_state
      visit(context, *t);
}

void each_stack(task_visitor visit, void *context) noexcept {
  for (task *t = all_tasks(); t; t = t->next_all)
    if (t->state.load(std::memory_order_acquire) != task_state::dead) // pairs with change_state
      visit(context, *t);
}

} // namespace stillpoint::rt::world
