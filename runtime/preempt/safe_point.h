// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// May this task be stopped here? The two questions that the SIGURG handler asks, without side effects, so that tests and benchmarks can ask
// them as well.
//
// Invariants: signal safe, lock-free, allocation-free. When in doubt, no: a refusal costs a retry, a wrong yes costs the program.
#ifndef STILLPOINT_RUNTIME_PREEMPT_SAFE_POINT_H
#define STILLPOINT_RUNTIME_PREEMPT_SAFE_POINT_H

#include "runtime/arch/arch.h"
#include "runtime/sched/core.h"

namespace stillpoint::rt::preempt {

// How to stop where is_async_safe_point says yes.
struct stop_plan {
  bool pinned = false;      // must resume on the same worker
  bool vector_live = false; // vector state has to be saved
};

// Does anyone want the worker's task off? refusal::none means yes.
refusal want_async_preempt(const worker &w) noexcept;

// May `t`, running on `w` and interrupted with these registers, be stopped? refusal::none means yes, with `plan` filled in. The caller holds a
// map::reader_scope. Every condition of the design's section 6 that is not want_async_preempt's is here.
refusal is_async_safe_point(const worker &w, const task &t, const arch::walk_registers &interrupted, stop_plan &plan) noexcept;

} // namespace stillpoint::rt::preempt

#endif
