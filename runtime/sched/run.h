// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What run() needs of the rest of sched/.
#ifndef STILLPOINT_RUNTIME_SCHED_RUN_H
#define STILLPOINT_RUNTIME_SCHED_RUN_H

#include "sched/scheduler.h"

namespace stillpoint::rt::sched {

// Registers the pthread_atfork handlers. Once; later calls do nothing.
void install_fork_handlers() noexcept;

// In a child of fork() whose thread is no worker: the parent's run is not ours, a new one may begin.
void forget_run() noexcept;

// Earlier runs of which some worker is still there (linked by next_retired). While a run() is in progress the list does not change.
scheduler *left_behind_runs() noexcept;

// STILLPOINT_DEBUG=preemptstats=1 and schedtrace=1.
void print_statistics(const scheduler &s);

} // namespace stillpoint::rt::sched

#endif
