// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What run() needs of the rest of sched/.
#ifndef STILLPOINT_RUNTIME_SCHED_RUN_H
#define STILLPOINT_RUNTIME_SCHED_RUN_H

#include "sched/scheduler.h"
#include "stillpoint/abi/main_task.h"

namespace stillpoint::rt::sched {

// run(): entry(argument) as the main task, on a thread of the runtime or on the calling one; `program`: it is the program's main.
enum class main_place : std::uint8_t { a_worker, this_thread };
void run_main(void (*entry)(void *), void *argument, main_place place, abi::main_call *program = nullptr);

// main_task.cpp: main on the calling thread ----------------------------------------------------------------------------------------------------
// What RLIMIT_STACK says, as far as a task's stack can be as large.
std::size_t program_stack_size() noexcept;
// Runs s.main_task on the calling thread, and whatever is locked to it, until it has ended.
void run_main_here(scheduler &s) noexcept;

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
