// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Managed code for bench-lookup: calls as deep as asked for.
#include "deep_stack.h"

#include <stillpoint/stillpoint.hpp>

namespace {

// The volatile keeps each call's frame: without it the recursion would become a loop.
[[gnu::noinline]] int descend(int left, int depth) {
  volatile int keep = left;
  int result = left > 1 ? descend(left - 1, depth) : bench::at_the_bottom(depth);
  return result + keep;
}

} // namespace

void bench::run_tasks(void (*first)()) {
  stillpoint::run([first] {
    first();
    for (int depth : {1, 10, 50})
      descend(depth, depth);
  });
}
