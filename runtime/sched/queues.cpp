// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which task runs next. Order of service on a processor: woken tasks (a bounded number in a row), now and then the global queue, the task
// that
// the last one woke, the one that gave way to a woken task, then whichever waits longest of the bound and the local queue, then the
// global queue.
// Invariant: every queue's head is served within a bounded number of turns. The chain through `next` shares one slice, so two tasks that
// wake each other do not keep out a third. Woken tasks begin slices of their own, and chains with them: when they have had the processor for a slice
// while others waited, those have it for a while although woken tasks wait (docs/decisions/0023).
#include "sched/scheduler.h"

#include <algorithm>

namespace stillpoint::rt::sched {
namespace {

void stamp(task &t, std::uint64_t now) noexcept { t.queued_at.store(now, std::memory_order_relaxed); }

void note_global(scheduler &s) noexcept STILLPOINT_REQUIRES(s.mutex) {
  const task *const head = s.global.front();
  s.global_oldest.store(head ? head->queued_at.load(std::memory_order_relaxed) : never, std::memory_order_relaxed);
}

task *pop_global_locked(scheduler &s) noexcept STILLPOINT_REQUIRES(s.mutex) {
  task *const t = s.global.pop_front();
  if (t)
    s.global_count.fetch_sub(1, std::memory_order_relaxed);
  note_global(s);
  return t;
}

// One woken task for now and, if the local queue is empty and there are many, some for later: else everybody would stand in line for each of them.
task *pop_woken(processor &p) noexcept {
  scheduler &s = *p.owner;
  if (s.woken_count.load(std::memory_order_relaxed) == 0)
    return nullptr;
  const lock_guard held(s.mutex);
  task *const first = s.woken.pop_front();
  if (!first)
    return nullptr;
  std::uint32_t taken = 1;
  if (p.local.empty()) {
    const std::uint32_t share = std::min(s.woken_count.load(std::memory_order_relaxed) / s.count, woken_at_once);
    for (; taken < share; ++taken) {
      task &t = *s.woken.pop_front();
      __builtin_prefetch(&t.context);
      stamp(t, p.started.load(std::memory_order_relaxed));
      p.local.push(t); // has room: it was empty
    }
    p.local.mark();
  }
  s.woken_count.fetch_sub(taken, std::memory_order_relaxed);
  return first;
}

os_thread &holder(const processor &p) noexcept { return thread_of(*p.self.load(std::memory_order_relaxed)); }

// One task for now and, if the local queue is empty, this processor's share for later.
task *pop_global(processor &p) noexcept {
  scheduler &s = *p.owner;
  if (s.global_count.load(std::memory_order_relaxed) == 0)
    return nullptr;
  const lock_guard held(s.mutex);
  std::uint32_t share = 0;
  if (p.local.empty())
    share = std::min(s.global_count.load(std::memory_order_relaxed) / s.count, run_queue::capacity / 2);
  task *const first = pop_global_locked(s);
  for (std::uint32_t i = 1; i < share; ++i)
    if (task *const t = pop_global_locked(s))
      p.local.push(*t); // has room: it was empty
  return first;
}

// The task that gave way to a woken one, unless its slice is over: then it queues like all others.
task *take_interrupted(processor &p) noexcept {
  if (p.interrupted.load(std::memory_order_relaxed) == nullptr)
    return nullptr;
  task *const t = p.interrupted.exchange(nullptr, std::memory_order_acq_rel); // pairs with the exchange that put it there
  if (t && t->slice_used >= p.owner->set.slice_ns) {
    t->slice_used = 0;
    push_local(p, *t);
    return nullptr;
  }
  return t;
}

// The task that the last one woke goes on with the last one's slice, so that two that wake each other keep nobody out.
task *take_next(processor &p, std::uint64_t now) noexcept {
  if (!p.next.load(std::memory_order_relaxed))
    return nullptr;
  const std::uint64_t used = now - std::min(now, p.slice_begin);
  task *const taken = p.next.exchange(nullptr, std::memory_order_acq_rel); // pairs with make_next and steal_slot
  if (!taken || used < p.owner->set.slice_ns) {
    if (taken)
      taken->slice_used = used;
    return taken;
  }
  push_local(p, *taken);
  return nullptr;
}

// Most of many tasks that sleep are in no cache: the next one's stack is fetched while this one runs.
task *pop_marked(processor &p) noexcept {
  task *const t = p.local.pop();
  if (const task *const after = p.local.front())
    for (std::size_t line = 0; line < 4; ++line)
      __builtin_prefetch(static_cast<const char *>(after->context) + 64 * line);
  return t;
}

// A woken task, if the others have had their turn.
task *pick_woken(processor &p, std::uint64_t now) noexcept {
  const bool some_here = p.local.marked();
  if (!some_here)
    p.local.unmark();
  if (p.woken_streak >= woken_streak_limit)
    return nullptr;
  task *t = some_here ? pop_marked(p) : pop_woken(p);
  if (os_thread &w = holder(p); !t && w.bound_woken.load(std::memory_order_relaxed))
    t = pop_bound(w);
  if (t) {
    ++p.woken_streak;
    p.woken_since = now;
  }
  return t;
}

// A task that neither was woken nor is in the chain of one that was.
task *pop_ring(processor &p) noexcept {
  p.kept_out = 0;
  return p.local.pop();
}

// Behind the turn of a woken task or of its chain.
void count_kept_out(processor &p, std::uint64_t now) noexcept {
  const bool some_wait =
      !p.local.empty() || p.interrupted.load(std::memory_order_relaxed) || holder(p).bound_count.load(std::memory_order_relaxed) != 0;
  p.kept_out = some_wait ? p.kept_out + (now - std::min(now, p.woken_since)) : 0;
  p.woken_since = 0;
}

// Whoever has waited longest in the ring, bound to this thread, or as the one that gave way.
task *pick_kept_out(processor &p) noexcept {
  os_thread &w = holder(p);
  const task *const gave_way = p.interrupted.load(std::memory_order_relaxed);
  const std::uint64_t gave_way_at = gave_way ? gave_way->queued_at.load(std::memory_order_relaxed) : never;
  const std::uint64_t oldest = std::min(gave_way_at, p.local.oldest());
  if (w.bound_oldest.load(std::memory_order_relaxed) < oldest)
    if (task *const t = pop_bound(w))
      return t;
  if (gave_way && gave_way_at == oldest)
    if (task *const t = take_interrupted(p))
      return t;
  return pop_ring(p);
}

// When woken tasks and their chains have kept the others out for a slice, those come first for a while, and need not give way to woken ones.
task *pick_owed(processor &p, std::uint64_t now) noexcept {
  const std::uint64_t slice = p.owner->set.slice_ns;
  if (p.kept_out >= slice) {
    p.kept_out = 0;
    p.owed_until.store(now + owed_ns(slice), std::memory_order_relaxed);
  }
  const std::uint64_t until = p.owed_until.load(std::memory_order_relaxed);
  if (until == 0)
    return nullptr;
  if (now < until)
    if (task *const t = pick_kept_out(p))
      return t;
  p.owed_until.store(0, std::memory_order_relaxed);
  return nullptr;
}

task *pick_queued(processor &p, std::uint64_t now) noexcept {
  scheduler &s = *p.owner;
  const std::uint64_t global_oldest = s.global_oldest.load(std::memory_order_relaxed);
  // By age only against what waits here: tasks put aside at the end of their slices would otherwise keep the local ones out for ever.
  const bool global_first = p.turns.load(std::memory_order_relaxed) % global_turn == 0 ||
                            (global_oldest < p.local.oldest() && global_oldest < now && now - global_oldest > s.set.slice_ns);
  if (global_first)
    if (task *const t = pop_global(p))
      return t;
  if (task *const t = take_next(p, now)) {
    p.woken_since = now;
    return t;
  }
  if (task *const t = take_interrupted(p))
    return t;
  os_thread &w = holder(p);
  const std::uint64_t bound_oldest = w.bound_oldest.load(std::memory_order_relaxed);
  if (bound_oldest != never && bound_oldest <= p.local.oldest() && bound_oldest <= global_oldest)
    if (task *const t = pop_bound(w))
      return t;
  if (task *const t = pop_ring(p))
    return t;
  return pop_global(p);
}

task *steal_from(processor &thief, processor &victim) noexcept {
  std::array<task *, run_queue::capacity / 2> taken;
  const std::uint32_t count = victim.local.take_half(taken);
  for (std::uint32_t i = 1; i < count; ++i)
    push_local(thief, *taken[i]);
  return count ? taken[0] : nullptr;
}

// A task that its processor would take up next: only after giving that processor a moment, since the usual waker parks at once.
task *steal_slot(std::atomic<task *> &slot, const processor &victim) noexcept {
  task *const seen = slot.load(std::memory_order_relaxed);
  if (!seen)
    return nullptr;
  const bool not_for_it = holder(victim).locked.load(std::memory_order_relaxed) != 0;
  for (int i = 0; i < 100 && !not_for_it; ++i)
    __builtin_ia32_pause();
  task *expected = seen;
  if (!slot.compare_exchange_strong(expected, nullptr, std::memory_order_acq_rel, std::memory_order_relaxed))
    return nullptr;
  seen->slice_used = 0;
  return seen;
}

std::uint32_t next_random(processor &p) noexcept {
  p.random ^= p.random << 13;
  p.random ^= p.random >> 17;
  return p.random ^= p.random << 5;
}

} // namespace

void push_overflow(processor &p, task &t) noexcept {
  // Half of it and this one go to the global queue, so that this does not happen at every push.
  std::array<task *, run_queue::capacity / 2> half;
  const std::uint32_t count = p.local.take_half(half);
  scheduler &s = *p.owner;
  const lock_guard held(s.mutex);
  for (std::uint32_t i = 0; i < count; ++i)
    s.global.push_back(*half[i]);
  s.global.push_back(t);
  s.global_count.fetch_add(count + 1, std::memory_order_relaxed);
  note_global(s);
}

void push_global(scheduler &s, task &t, std::uint64_t now) noexcept {
  stamp(t, now);
  const lock_guard held(s.mutex);
  s.global.push_back(t);
  s.global_count.fetch_add(1, std::memory_order_relaxed);
  note_global(s);
}

void push_woken(scheduler &s, task &t) noexcept {
  t.slice_used = 0;
  const lock_guard held(s.mutex);
  s.woken.push_back(t);
  s.woken_count.fetch_add(1, std::memory_order_relaxed);
}

void push_woken(scheduler &s, task_list &all, std::uint32_t count) noexcept {
  const lock_guard held(s.mutex);
  s.woken.append(all);
  s.woken_count.fetch_add(count, std::memory_order_relaxed);
}

void empty_queues(scheduler &s, processor &p) noexcept {
  task_list all;
  std::uint32_t count = 0;
  const auto put = [&](task *t) {
    if (!t)
      return;
    t->slice_used = 0;
    all.push_back(*t);
    ++count;
  };
  for (auto *slot : {&p.next, &p.interrupted})
    put(slot->exchange(nullptr, std::memory_order_acq_rel)); // pairs with the exchange that put it there
  std::array<task *, run_queue::capacity / 2> some;
  while (const std::uint32_t taken = p.local.take_half(some))
    for (std::uint32_t i = 0; i < taken; ++i)
      put(some[i]);
  s.global.append(all);
  s.global_count.fetch_add(count, std::memory_order_relaxed);
  note_global(s);
}

task *pick(processor &p, std::uint64_t now) noexcept {
  if (p.woken_since != 0)
    count_kept_out(p, now);
  if (task *const t = pick_owed(p, now))
    return t;
  if (task *const t = pick_woken(p, now))
    return t;
  p.woken_streak = 0;
  if (task *const t = pick_queued(p, now))
    return t;
  if (task *const t = pick_woken(p, now))
    return t;
  return pop_bound(holder(p));
}

task *steal(processor &p) noexcept {
  scheduler &s = *p.owner;
  const unsigned slots =
      s.slots.load(std::memory_order_relaxed); // a task in a slot that is new is also found when its worker asks for help
  if (slots == 1)
    return nullptr;
  if (!p.spinning) { // at most half of the busy ones look around
    const std::uint32_t used = s.count + s.lent.load(std::memory_order_relaxed);
    const std::uint32_t busy = used - std::min(used, s.idle_count.load(std::memory_order_relaxed));
    if (2 * s.spinning.load(std::memory_order_relaxed) >= busy)
      return nullptr;
    p.spinning = true;
    s.spinning.fetch_add(1, std::memory_order_seq_cst);
  }
  constexpr int rounds = 4;
  for (int round = 0; round < rounds; ++round) {
    const std::uint32_t from = next_random(p);
    for (unsigned i = 0; i < slots; ++i) {
      processor &victim = s.processors[(from + i) % slots];
      if (&victim == &p)
        continue;
      task *t = steal_from(p, victim);
      if (!t && round == rounds - 1 && !(t = steal_slot(victim.next, victim)))
        t = steal_slot(victim.interrupted, victim);
      if (t) {
        s.steals.fetch_add(1, std::memory_order_relaxed);
        return t;
      }
    }
  }
  return nullptr;
}

bool others_could_run(const processor &p) noexcept {
  return wanted_by_others(p) || holder(p).bound_count.load(std::memory_order_relaxed) != 0;
}

bool wanted_by_others(const processor &p) noexcept {
  return !p.local.empty() || p.next.load(std::memory_order_relaxed) || p.interrupted.load(std::memory_order_relaxed) ||
         p.owner->global_count.load(std::memory_order_relaxed) != 0 || p.owner->woken_count.load(std::memory_order_relaxed) != 0;
}

} // namespace stillpoint::rt::sched
