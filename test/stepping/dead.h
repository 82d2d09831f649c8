// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Overwrites what liveness=full calls dead at a point: general registers, flags, vector, mask and x87 registers, and the words below the red zone.
// (Of slots inside a frame the tables name those with references only.)
#ifndef STILLPOINT_TEST_STEPPING_DEAD_H
#define STILLPOINT_TEST_STEPPING_DEAD_H

#include "runtime/map/reader.h"

#include <cstdint>
#include <ucontext.h>

namespace stillpoint::test {

// In a signal's context; `stack_low` is where the task's stack ends. Returns how many registers were overwritten. Signal safe.
unsigned overwrite_dead(ucontext_t &context, const map::live_set &live, std::uintptr_t stack_low);

} // namespace stillpoint::test

#endif
