// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the compiler plugin's main=task and the runtime know of each other (passes/ir/MainTask.cpp, runtime/sched/main_task.cpp).
//
// Invariant: the names carry the version of this contract; a change of the struct or of who does what is a change of the names.
#ifndef STILLPOINT_ABI_MAIN_TASK_H
#define STILLPOINT_ABI_MAIN_TASK_H

// void NAME(void (*entry)(main_call *), main_call *call): runs entry(call) as the first task and returns when that has ended.
#define STILLPOINT_MAIN_TASK_FUNCTION "__stillpoint_run_main_task_v1"
// The program's own main.
#define STILLPOINT_MAIN_SYMBOL "main.task"
// Managed code, the first frame of the task: calls the program's main and keeps its result.
#define STILLPOINT_MAIN_ENTRY_SYMBOL "main.task.entry"

namespace stillpoint::abi {

struct main_call {
  int argc;
  int result;
  char **argv;
  char **envp;
};
static_assert(sizeof(main_call) == 24);

} // namespace stillpoint::abi

#endif
