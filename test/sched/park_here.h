// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// park() for managed code that reaches inside.
#ifndef STILLPOINT_TEST_SCHED_PARK_HERE_H
#define STILLPOINT_TEST_SCHED_PARK_HERE_H

#include "sched/park.h"
#include "sched/scheduler.h"

namespace stillpoint::test {

// Nosplit: who was stopped between asking for the worker and parking would park one that it has left.
[[stillpoint::nosplit]] inline void park_here(rt::park_commit commit, void *argument) {
  rt::sched::park(*rt::this_worker(), {}, commit, argument);
}

} // namespace stillpoint::test

#endif
