// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Escape times: a short loop of scalar floating point with an early exit that cannot be foreseen.
#include "kernels.h"

enum { width = 32, height = 32, limit = 50 };

static unsigned escape_time(double cx, double cy) {
  double x = 0, y = 0;
  for (unsigned i = 0; i < limit; ++i) {
    double xx = x * x, yy = y * y;
    if (xx + yy > 4.0)
      return i;
    y = 2 * x * y + cy;
    x = xx - yy + cx;
  }
  return limit;
}

uint64_t kernel_mandelbrot(uint64_t rounds) {
  uint64_t sum = 0;
  for (uint64_t round = 0; round < rounds; ++round) {
    double shift = (double)(round % 16) * 0.01;
    for (int row = 0; row < height; ++row)
      for (int column = 0; column < width; ++column)
        sum += escape_time(-2.0 + shift + column * (3.0 / width), -1.2 + row * (2.4 / height));
    sum = kernel_mix(sum, round);
  }
  return sum;
}
