// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A matrix that is computed, not stored: division-bound loops and calls that the optimizer inlines.
#include "kernels.h"

enum { size = 48 };

static double element(unsigned row, unsigned column) { return 1.0 / ((row + column) * (row + column + 1) / 2 + row + 1); }

static void times(const double *v, double *out, int transposed) {
  for (unsigned row = 0; row < size; ++row) {
    double sum = 0;
    for (unsigned column = 0; column < size; ++column)
      sum += (transposed ? element(column, row) : element(row, column)) * v[column];
    out[row] = sum;
  }
}

uint64_t kernel_spectral_norm(uint64_t rounds) {
  double u[size], v[size], t[size];
  uint64_t sum = 0;
  for (uint64_t round = 0; round < rounds; ++round) {
    for (unsigned i = 0; i < size; ++i)
      u[i] = 1.0 + (double)(round % 8);
    for (int step = 0; step < 2; ++step) {
      times(u, t, 0);
      times(t, v, 1);
      times(v, t, 0);
      times(t, u, 1);
    }
    sum = kernel_mix(sum, (uint64_t)(u[round % size] * 1e9));
  }
  return sum;
}
