// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The two halves of bench-scan: managed code that makes deep stacks with references in every frame, and foreign code that scans them.
#ifndef STILLPOINT_BENCH_SCAN_STACK_H
#define STILLPOINT_BENCH_SCAN_STACK_H

namespace bench {

// Foreign; called with 10, 50 and 500 managed calls below it in the task.
void at_the_bottom(int depth);

// Managed.
void run_deep();

} // namespace bench

#endif
