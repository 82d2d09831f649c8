// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// setjmp and longjmp, also over frames with loops; values that are volatile survive.
#include <setjmp.h>
#include <stdio.h>

static jmp_buf back;

__attribute__((noinline)) static unsigned work(unsigned x, unsigned n) { // main itself is never stopped: it calls setjmp
  for (unsigned i = 0; i != n; ++i) {
    x = x * 69069 + i;
    if (x % 97 == 5)
      longjmp(back, (int)(x % 1000) + 1);
  }
  return x;
}

int main(void) {
  volatile unsigned sum = 0, tries = 0;
  const int code = setjmp(back);
  sum = sum * 31 + (unsigned)code;
  tries = tries + 1;
  while (tries < 30000) {
    sum += work(sum + tries, 200);
    tries = tries + 1;
  }
  printf("jumps %u %u\n", sum, tries);
  return 0;
}
