// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Recursion with loops inside, and swaps through memory.
#include "kernels.h"

#include <stdlib.h>

enum { count = 2500 };

static void sort(uint32_t *low, uint32_t *high) {
  while (high - low > 1) {
    uint32_t pivot = low[(high - low) / 2];
    uint32_t *left = low, *right = high - 1;
    while (left <= right) {
      while (*left < pivot)
        ++left;
      while (*right > pivot)
        --right;
      if (left <= right) {
        uint32_t held = *left;
        *left++ = *right;
        *right-- = held;
      }
    }
    sort(low, right + 1);
    low = left;
  }
}

uint64_t kernel_quicksort(uint64_t rounds) {
  uint32_t *values = malloc(sizeof(uint32_t) * count);
  uint64_t sum = 0;
  for (uint64_t round = 0; round < rounds; ++round) {
    uint32_t random = 99 + (uint32_t)(round % 100);
    for (int i = 0; i < count; ++i)
      values[i] = kernel_random(&random);
    sort(values, values + count);
    sum = kernel_mix(sum, values[round % count]);
  }
  free(values);
  return sum;
}
