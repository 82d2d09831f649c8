// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Walks the frames of a task's stack by the tables.
//
// Problem: before a task is stopped, every frame under the interrupted one must be known to be managed code (a foreign caller may hold any
// lock, a pinned one a thread-local address), and the stack may hold anything at all.
// Mechanism: from a PC's point to its frame rule, to the return address and the caller's RSP and RBP, up to __stillpoint_task_base. Only
// RSP and RBP are followed: no frame rule needs another register.
// Invariants: reads nothing outside [low, high) of the stack; every step goes up the stack, so it ends; signal safe, lock-free.
// Rejected: DWARF unwinding (needs the loader's lock, and knows nothing of pinned points), frame pointers (code does not keep them).
#ifndef STILLPOINT_RUNTIME_PREEMPT_WALK_H
#define STILLPOINT_RUNTIME_PREEMPT_WALK_H

#include "runtime/arch/arch.h"
#include "runtime/map/registry.h"
#include "stillpoint/metrics.hpp"

namespace stillpoint::rt::preempt {

struct stack_bounds {
  std::uintptr_t low = 0;
  std::uintptr_t high = 0; // one past the last byte
};

// The frame that `registers` stand in, whose point is `at`, replaced by its caller's. What is wrong, or refusal::none.
refusal step(const stack_bounds &stack, const map::frame_rule &at, arch::walk_registers &registers) noexcept;

// All callers: `registers` hold a return address and what RSP and RBP are after that return. Says why the frames forbid a stop, or
// refusal::none; sets `pinned` if any call is at a pinned point. The caller holds a map::reader_scope.
refusal walk_callers(const stack_bounds &stack, arch::walk_registers registers, bool &pinned) noexcept;

// A lookup's answer as a reason to refuse; refusal::none if the point is there.
refusal refusal_of(map::status s, refusal if_foreign) noexcept;

} // namespace stillpoint::rt::preempt

#endif
