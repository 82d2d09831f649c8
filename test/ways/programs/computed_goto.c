// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// An interpreter that jumps by addresses of labels.
#include <stdio.h>

static unsigned run(const unsigned char *code, unsigned rounds) {
  static const void *const labels[] = {&&add, &&multiply, &&swap, &&rotate, &&loop};
  unsigned a = 1, b = 2;
  const unsigned char *at = code;
#define NEXT goto *labels[*at++]
  NEXT;
add:
  a += b;
  NEXT;
multiply:
  a = a * 5 + 3;
  NEXT;
swap:;
  const unsigned t = a;
  a = b;
  b = t;
  NEXT;
rotate:
  b = b << 5 | b >> 27;
  NEXT;
loop:
  if (--rounds == 0)
    return a ^ b;
  at = code;
  NEXT;
}

int main(void) {
  static const unsigned char code[] = {0, 1, 2, 3, 1, 0, 2, 1, 3, 4};
  printf("computed goto %u\n", run(code, 2000000));
  return 0;
}
