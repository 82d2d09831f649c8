// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Stretches of code in which the calling task must not be preempted.
//
// Use: for state that belongs to the thread (a per-thread cache, a library that must not change threads). A task that blocks or yields by
// itself meanwhile does leave its thread. Rejected: a flag instead of a depth (a callee's enable would end its caller's stretch).
#ifndef STILLPOINT_PREEMPT_HPP
#define STILLPOINT_PREEMPT_HPP

#include "stillpoint/export.hpp"

namespace stillpoint {

/// From here the calling task is not preempted. Nests. Does nothing outside of tasks.
STILLPOINT_API void preempt_disable() noexcept;

/// Ends the innermost preempt_disable() of the calling task; ends the program if there is none. Does nothing outside of tasks.
STILLPOINT_API void preempt_enable() noexcept;

/// preempt_disable() for a scope.
class preempt_guard {
public:
  preempt_guard() noexcept { preempt_disable(); }
  ~preempt_guard() { preempt_enable(); }
  preempt_guard(const preempt_guard &) = delete;
  preempt_guard &operator=(const preempt_guard &) = delete;
};

} // namespace stillpoint

#endif
