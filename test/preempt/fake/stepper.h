// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Stops a task before every one of its managed instructions and compares its whole state over each stop, bit for bit.
//
// Mechanism: the trap flag. Before each instruction the SIGTRAP handler records the state and leaves a real SIGURG pending behind it, which is
// delivered at that very instruction. The trap flag travels in the saved RFLAGS, so the first trap after the stop is at the same instruction
// again: there the state is compared.
#ifndef STILLPOINT_TEST_PREEMPT_STEPPER_H
#define STILLPOINT_TEST_PREEMPT_STEPPER_H

#include "runtime/sched/core.h"

#include <cstdint>
#include <string>

namespace stillpoint::test {

struct step_report {
  std::uint64_t steps = 0;        // managed instructions executed (repetitions of string instructions count)
  std::uint64_t stops = 0;        // of them, stopped at
  std::uint64_t vector_stops = 0; // of these, with vector state saved
  std::uint64_t pinned_stops = 0;
  std::uint64_t differences = 0;
  std::string first_difference; // what and where
};

// Runs entry(argument) as a task on the calling thread, or, if `migrate`, after some stops on a new thread (unless the stop is pinned). `at_stop`
// is called while the task is off, on the scheduler's stack.
step_report run_stepped(void (*entry)(void *), void *argument, bool migrate, void (*at_stop)(const rt::task &) = nullptr);

} // namespace stillpoint::test

#endif
