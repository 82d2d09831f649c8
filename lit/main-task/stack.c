// main's stack is as large as RLIMIT_STACK says; beyond it, the program is told so.
// REQUIRES: runtime
// RUN: %stillpoint-clang -fplugin-arg-stillpoint-main=task -O0 %s -o %t
// RUN: sh -c "ulimit -s 8192; %t 7" | FileCheck %s
// RUN: sh -c "ulimit -s 262144; %t 200" | FileCheck %s
// RUN: sh -c "ulimit -Hs unlimited; ulimit -s unlimited && %t 900" | FileCheck %s
// RUN: sh -c "ulimit -s 8192; exec %t 12" > %t.out 2>&1; cat %t.out | FileCheck %s --check-prefix=OVER
#include <stdio.h>
#include <stdlib.h>

static int down(int kilobytes) {
  volatile char here[900];
  here[0] = 1;
  return kilobytes == 0 ? 0 : down(kilobytes - 1) + here[0];
}

int main(int count, char **words) {
  int depth = atoi(words[1]) * 1024;
  printf("as deep as it should: %d\n", down(depth) == depth);
  return 0;
}
// CHECK: as deep as it should: 1
// OVER: stillpoint: stack overflow in task 'main' (#1): 8192 KiB stack
