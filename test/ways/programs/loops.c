// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Tight loops, a jump table, recursion, a variable-length array and alloca.
#include <alloca.h>
#include <stdio.h>

static unsigned step(unsigned kind, unsigned x) {
  switch (kind) {
  case 0:
    return x * 31;
  case 1:
    return x ^ (x >> 7);
  case 2:
    return x + 0x9e3779b9u;
  case 3:
    return x << 3 | x >> 29;
  case 4:
    return x * x + 1;
  case 5:
    return x - (x >> 3);
  case 6:
    return ~x;
  default:
    return x / 3;
  }
}

static unsigned fill(unsigned n, unsigned seed) {
  unsigned numbers[n % 61 + 1], sum = 0;
  unsigned *more = alloca(sizeof *more * (n % 7 + 1));
  for (unsigned i = 0; i <= n % 61; ++i)
    numbers[i] = seed = step(i % 9, seed);
  for (unsigned i = 0; i <= n % 7; ++i)
    more[i] = numbers[i % (n % 61 + 1)] + i;
  for (unsigned i = 0; i <= n % 61; ++i)
    sum += numbers[i] ^ more[i % (n % 7 + 1)];
  return sum;
}

static unsigned depth(unsigned n) { return n < 2 ? n : depth(n - 1) + depth(n - 2) + 1; }

int main(void) {
  unsigned x = 1;
  for (unsigned i = 0; i != 3000000; ++i)
    x = x * 1664525 + 1013904223 + (x >> 16);
  for (unsigned i = 0; i != 20000; ++i)
    x += fill(i, x);
  printf("loops %u %u\n", x, depth(24));
  return 0;
}
