// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Eratosthenes: stores with a stride, very short loops.
#include "kernels.h"

#include <stdlib.h>
#include <string.h>

enum { numbers = 20000 };

uint64_t kernel_sieve(uint64_t rounds) {
  unsigned char *composite = malloc(numbers);
  uint64_t sum = 0;
  for (uint64_t round = 0; round < rounds; ++round) {
    memset(composite, 0, numbers);
    uint64_t primes = 0;
    for (size_t candidate = 2; candidate < numbers; ++candidate) {
      if (composite[candidate])
        continue;
      ++primes;
      for (size_t multiple = candidate * candidate; multiple < numbers; multiple += candidate)
        composite[multiple] = 1;
    }
    sum = kernel_mix(sum, primes + round);
  }
  free(composite);
  return sum;
}
