// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Vector and floating-point registers live across everything.
#include <math.h>
#include <stdio.h>

typedef float f8 __attribute__((vector_size(32)));
typedef unsigned u8 __attribute__((vector_size(32)));

__attribute__((noinline)) static double sum(const float *a, int n) {
  double s = 0;
  for (int i = 0; i != n; ++i)
    s += (double)a[i] * a[i];
  return s;
}

int main(void) {
  static float array[1024];
  u8 x = {1, 2, 3, 4, 5, 6, 7, 8}, y = x + 3;
  f8 f = {1, 2, 3, 4, 5, 6, 7, 8};
  long double extended = 1;
  for (unsigned i = 0; i != 2000000; ++i) {
    x = x * 1664525u + y;
    y ^= x >> 5;
    f = f * 0.999f + 1.0f;
    extended = extended * 1.0000001L + 1;
    array[i % 1024] = f[i % 8];
  }
  double waves = 0;
  for (int i = 0; i != 100000; ++i)
    waves += sin(i) * sqrt(i);
  printf("vectors %u %.6f %.6Lf %.6f %.6f\n", x[0] ^ y[5], (double)f[2], extended, sum(array, 1024), waves);
  return 0;
}
