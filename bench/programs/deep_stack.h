// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The two halves of bench-lookup: managed code that makes deep stacks, and foreign code that measures there.
#ifndef STILLPOINT_BENCH_DEEP_STACK_H
#define STILLPOINT_BENCH_DEEP_STACK_H

namespace bench {

// Foreign; called with 1, 10 and 50 managed calls below it in the task.
int at_the_bottom(int depth);

// Managed: runs `first`, then at_the_bottom at every depth, each in a task.
void run_tasks(void (*first)());

} // namespace bench

#endif
