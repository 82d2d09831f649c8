// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One of the benchmarks' kernels, -DKERNEL=NAME, as a task; prints what it computes.
#include "bench/kernels/kernels.h"

#include <cstdio>
#include <stillpoint/stillpoint.hpp>

int main() {
  std::uint64_t sum = 0;
  stillpoint::run([&] { sum = KERNEL(1); });
  std::printf("%016llx\n", static_cast<unsigned long long>(sum));
  return 0;
}
