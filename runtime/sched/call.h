// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the monitor and those who stop the world need to know of announced calls (call.cpp).
#ifndef STILLPOINT_RUNTIME_SCHED_CALL_H
#define STILLPOINT_RUNTIME_SCHED_CALL_H

#include "sched/scheduler.h"

namespace stillpoint::rt::sched {

// A call that takes longer is slow: its processor is taken away, if others could use it.
inline constexpr std::uint64_t slow_call_ns = 20'000;
// From when on it is taken away in any case, so that work that comes up later finds it idle.
inline constexpr std::uint64_t long_call_ns = 10'000'000;

// A value of processor::call: whether the holder is in an announced call.
inline bool in_call(std::uint64_t call) noexcept { return (call & 1) != 0; }
// Sequentially consistent: call.cpp says why.
inline bool in_call(const processor &p) noexcept { return in_call(p.call.load(std::memory_order_seq_cst)); }

// Takes the processor from the task in its `call`, if that still lasts, and gives it to whoever needs it. Any thread.
bool retake(processor &p, std::uint64_t call) noexcept;

// Calls f(context) as an announced call of `w`, the caller's worker, which is in none. `gives_up`: others may have the processor meanwhile; if not, all that
// is gained is that a stop of the world does not wait. The task may be on another worker afterwards.
void announced(worker &w, const managed_caller &caller, bool gives_up, void (*f)(void *), void *context);

// The monitor shall look at the processors in calls every 20 us for a while. Any thread.
void watch_calls(scheduler &s) noexcept;

} // namespace stillpoint::rt::sched

#endif
