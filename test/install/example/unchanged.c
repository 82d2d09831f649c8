// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A program that knows nothing of Stillpoint.
#include <stdio.h>

int main(int count, char **words) {
  unsigned sum = 0;
  for (unsigned i = 0; i != 30000000u; ++i)
    sum = sum * 31 + (i ^ (unsigned)count);
  printf("%s %u\n", count > 1 ? words[1] : "", sum);
  return 3;
}
