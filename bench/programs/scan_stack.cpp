// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Managed code for bench-scan: each call holds two references over the next, in callee-saved registers or in slots. Several functions in turn, so
// that not every frame is the same.
#include "scan_stack.h"

#include <stillpoint/stillpoint.hpp>

namespace {

using stillpoint::gc::make;
using stillpoint::gc::ref;

struct node {
  ref<node> next;
  long value = 0;
};

template <int N>
[[gnu::noinline]] long descend(ref<node> above, int left, int depth) {
  const ref<node> mine = make<node>();
  mine->next = above;
  mine->value = left + N;
  long result = 0;
  if (left > 1)
    result = descend<(N + 1) % 8>(mine, left - 1, depth);
  else
    bench::at_the_bottom(depth);
  return result + mine->value + (above ? above->value : 0);
}

} // namespace

void bench::run_deep() {
  stillpoint::run([] {
    for (const int depth : {10, 50, 500})
      descend<0>({}, depth, depth);
  });
}
