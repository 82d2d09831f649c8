// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a thread carries for its task, changed for another task's: stop.cpp says what and why. In a header because it is a third of a switch from
// task to task (sched/direct.h). Rejected: leave_task and enter_task one after the other (the scheduler's own state in between is for nobody).
#ifndef STILLPOINT_RUNTIME_PREEMPT_CHANGE_TASK_H
#define STILLPOINT_RUNTIME_PREEMPT_CHANGE_TASK_H

#include "runtime/arch/arch.h"
#include "runtime/sched/core.h"

namespace stillpoint::rt::preempt {

// The beginning of the C++ ABI's __cxa_eh_globals.
struct exception_globals {
  void *caught;
  unsigned uncaught;
};
static_assert(sizeof(exception_globals) == 16);

inline exception_globals &globals_of(worker &w) noexcept { return *static_cast<exception_globals *>(w.exception_globals); }

// leave_task and enter_task at once, for a task that leaves of its own accord; on its stack, right before the switch to the other.
[[gnu::always_inline]] inline void change_task(worker &w, task &from, task &to) noexcept {
  from.image.errno_value = *w.errno_place;
  arch::read_float_words(from.image.mxcsr, from.image.x87_control, from.image.x87_status);
  if (from.image.mxcsr != to.image.mxcsr || from.image.x87_control != to.image.x87_control || from.image.x87_status != to.image.x87_status)
      [[unlikely]]
    arch::write_float_words(to.image);
  exception_globals &globals = globals_of(w);
  from.image.caught_exceptions = globals.caught;
  from.image.uncaught_exceptions = globals.uncaught;
  globals.caught = to.image.caught_exceptions;
  globals.uncaught = to.image.uncaught_exceptions;
  from.preempt_requested.store(false, std::memory_order_relaxed);
  *w.errno_place = to.image.errno_value;
}

} // namespace stillpoint::rt::preempt

#endif
