// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A collection from beginning to end, and who does its work.
//
// Phases. `resting`: objects are allocated, spans swept. begin(): the world is stopped, the write barrier is switched on, roots are
// marked.
// `marking`: idle workers mark, and tasks that allocate do their share. When nothing seems left, finish(): the world is stopped again, roots are
// scanned again (stores to stacks and globals have no barrier), what is left is marked by all workers together, weak references and
// destructors are looked after, and the mark bits become what is allocated. If too much is left, the world goes on for a while first.
// Only one worker at a time is in begin() or finish(): the driver. Both run on the scheduler's stack, so that a task that wants one parks.
//
// Invariants when finish() frees: each object reachable from a root was marked. (1) What is reached from the roots at that moment through
// unmarked objects only is marked in finish(). (2) A marked object refers to no unmarked one: it was scanned after it was marked, or is
// new; and every store into it since has passed the barrier, which marks what is stored. `marking` changes only while the world is
// stopped, so the barrier's check, behind the store, is never stale; and what is stored is live between store and check.
// Rejected: a barrier that marks what is overwritten (no second scan of stacks, but everything that dies while marking stays); stopping
// the world for all of marking (the pause grows with the heap).
#ifndef STILLPOINT_RUNTIME_GC_CYCLE_H
#define STILLPOINT_RUNTIME_GC_CYCLE_H

#include "gc/heap.h"
#include "sched/scheduler.h"

#include <cstdint>

namespace stillpoint::rt::gc {

// What a worker does for the collection: with the world running, or, for tests, without any.
enum class step : std::uint8_t { none, begin, finish };

// This thread's cache, which is `w`'s: made on first use, together with what the settings of the run() ask for.
cache &own_cache(worker &w);

// For an allocating task. What it has to do now, if anything: marks its share itself, and answers with the step that it has to park for.
step share_of_work(cache &mine) noexcept;

// On the scheduler's stack: takes the step, if nobody else is about to and it still makes sense. False: nothing was done.
bool take_step(processor &self, step s, bool urgent) noexcept;

// A park_commit; `argument` is a step.
bool commit_step(task &t, void *argument) noexcept;

// One after the other, a whole collection that began after the call: returns true when collections_needed() have ended.
std::uint64_t collections_needed() noexcept;
bool collected(std::uint64_t needed) noexcept;
// A park_commit that does a bounded part of it.
bool commit_part(task &t, void *argument) noexcept;
// A park_commit that does all of it at once, the world stopped: gcstress.
bool commit_stress(task &t, void *argument) noexcept;

// For tests without a scheduler: a collection by the calling thread, alone. `more_roots` may mark.
void collect_alone(cache &mine, void (*more_roots)(cache &mine, void *context), void *context) noexcept;
void begin_alone(cache &mine, void (*more_roots)(cache &mine, void *context), void *context) noexcept;
void finish_alone(cache &mine, void (*more_roots)(cache &mine, void *context), void *context) noexcept;

} // namespace stillpoint::rt::gc

#endif
