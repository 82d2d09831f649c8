// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What happens when an object is found unreachable: weak references to it become null, and its destructor is run.
//
// Rules (as Java's, where they differ from Go's): weak references become null before any destructor runs, so nobody gets at an object
// through them that is about to be destroyed. All unreachable objects with destructors are destroyed in one go, in no particular order,
// those in cycles too; while they wait, they and all that they refer to stay in memory. A destructor may find that objects it refers to
// have been destroyed already.
// One that stores `this` somewhere keeps the memory, not the object. Each destructor runs at most once; at the end of run(), those that
// wait do not run.
// Mechanism: a bit for each cell in the span's metadata says that there is a destructor to run. It is found set and the mark missing when
// marking has ended and the world is stopped. Weak references are cells of a class of their own.
// Rejected: Go's rule, an object with a finalizer keeps what it refers to alive and cycles of them for ever (C++ objects with destructors
// are the rule, not the exception: such cycles would be common).
#ifndef STILLPOINT_RUNTIME_GC_DEATH_H
#define STILLPOINT_RUNTIME_GC_DEATH_H

#include "gc/heap.h"
#include "sched/scheduler.h"

#include <cstdint>

namespace stillpoint::rt::gc {

// The object's destructor is to be run. Any task.
void expect_destructor(std::uintptr_t object) noexcept;

// The world is stopped and marking is complete. In this order; what find_dead puts up has to be drained.
void clear_weak_cells() noexcept;
void find_dead(cache &mine) noexcept;

// Marks what waits for its destructor, or is inside it.
void mark_dying(cache &mine) noexcept;

// Starts a task for destructors if some wait and none is there. On the scheduler's stack, the world runs.
void start_destroying(scheduler &s) noexcept;
std::uint64_t destroyed() noexcept;
// How many wait.
std::size_t dying() noexcept;

} // namespace stillpoint::rt::gc

#endif
