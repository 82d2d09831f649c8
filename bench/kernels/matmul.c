// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Dense matrices of doubles: nested counted loops, the innermost vectorised.
#include "kernels.h"

#include <stdlib.h>
#include <string.h>

enum { side = 48 };

static void multiply(const double *a, const double *b, double *out) {
  memset(out, 0, sizeof(double) * side * side);
  for (int row = 0; row < side; ++row)
    for (int inner = 0; inner < side; ++inner) {
      double factor = a[row * side + inner];
      for (int column = 0; column < side; ++column)
        out[row * side + column] += factor * b[inner * side + column];
    }
}

uint64_t kernel_matmul(uint64_t rounds) {
  double *a = malloc(3 * sizeof(double) * side * side);
  double *b = a + side * side, *product = b + side * side;
  for (int i = 0; i < side * side; ++i) {
    a[i] = (i % 7) * 0.25;
    b[i] = (i % 5) * 0.5;
  }
  uint64_t sum = 0;
  for (uint64_t round = 0; round < rounds; ++round) {
    a[round % (side * side)] += 1.0;
    multiply(a, b, product);
    sum = kernel_mix(sum, (uint64_t)product[round % (side * side)]);
  }
  free(a);
  return sum;
}
