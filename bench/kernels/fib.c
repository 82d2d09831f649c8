// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Nothing but calls: prologues and epilogues are a large part of what runs.
#include "kernels.h"

__attribute__((noinline)) static uint64_t fib(unsigned n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }

// The Takeuchi function: four calls of itself, three arguments kept across them.
__attribute__((noinline)) static int tak(int x, int y, int z) {
  return y >= x ? z : tak(tak(x - 1, y, z), tak(y - 1, z, x), tak(z - 1, x, y));
}

uint64_t kernel_fib(uint64_t rounds) {
  uint64_t sum = 0;
  for (uint64_t round = 0; round < rounds; ++round)
    sum = kernel_mix(sum, fib(18 + (unsigned)(round % 2)) + (uint64_t)tak(9, 5, (int)(round % 2)));
  return sum;
}
