// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Stops a task that is in foreign code where that returns to managed code.
//
// Problem: a task that calls foreign functions all the time (large copies, allocation, a sort with callbacks) is nearly always found in one of them,
// and could be stopped only if a signal happened to hit the few managed instructions in between.
// Mechanism: when the handler has to refuse because of foreign code, it walks the stack to its end, managed frames by the tables, foreign ones by their
// unwind tables (cfi.h), and finds the outermost return from foreign to managed code. That return address is replaced by a trap's
// (arch/x86_64/return_trap.S). The foreign function returns into the trap, which has the registers of the call's return, asks the same question as the
// handler, and stops the task there.
//
// Invariants:
//  - At most one trap a task, at its outermost return from foreign code: only there can every caller be managed, so only there can it stop.
//  - What is replaced is a return address: behind a call of managed code, with managed frames above it down to the task's first, at the place where the
//    unwind tables say. Everything else is refused, and counted.
//  - A trapped return address is never read as one: our own walks go through arch::true_return, everybody else's unwinding through the trap's own frame
//    description. So exceptions, backtraces and debuggers pass, and nothing has to be put back for them.
//  - A trap outlives its call only in memory that nobody reads (an exception or longjmp has left the frame); its task takes it back with the next.
//  - Not laid: while an exception is on its way (the unwinder, which walks twice, must find the same frames both times), below functions that use their
//    return address for more than to return, and where the processor keeps a shadow stack.
// Rejected: docs/decisions/0018-return-traps.md.
#ifndef STILLPOINT_RUNTIME_PREEMPT_RETURN_TRAP_H
#define STILLPOINT_RUNTIME_PREEMPT_RETURN_TRAP_H

#include "runtime/preempt/cfi.h"
#include "runtime/sched/core.h"
#include "stillpoint/metrics.hpp"

#include <ucontext.h>

namespace stillpoint::rt::preempt {

// Where a task's outermost foreign function returns to managed code.
struct foreign_return {
  std::uintptr_t slot = 0;     // where the return address stands
  std::uintptr_t pc = 0;       // the true one
  std::uintptr_t frame = 0;    // RBP there
  std::uintptr_t function = 0; // the foreign function
  bool interrupted = false;    // it is the function that was interrupted
  bool laid = false;           // a trap stands there
};

// Finds it from the registers that were interrupted. Reads only; the caller holds a map::reader_scope. Why not, or return_refusal::none.
return_refusal find_return(const task &t, const cfi::registers &interrupted, foreign_return &out) noexcept;

cfi::registers interrupted_registers(const ucontext_t &context) noexcept;

// In the handler, for a task that was refused because of foreign code. Says why not; none: a trap is there (perhaps it was before).
void lay_return_trap(worker &w, task &t, const ucontext_t &context) noexcept;

// Looks for the functions below which no trap is laid. Once, not in a handler.
void initialize_return_traps() noexcept;

} // namespace stillpoint::rt::preempt

#endif
