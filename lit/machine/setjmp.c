// A function that setjmp may return into twice is never a place to stop, but its callees are: its calls have a known frame.
// REQUIRES: objdump
// RUN: %sp-clang -O2 -c %s -o %t.o && %sp-objdump --check %t.o && %sp-objdump %t.o | FileCheck %s
// RUN: %sp-objdump --runs %t.o | FileCheck %s --check-prefix=RUNS
#include <setjmp.h>

static jmp_buf Place;
void work(int);
// CHECK: <twice>
// CHECK-NOT: {{ safe|pinned}}
// CHECK: unsafe cfa=r{{[bs]}}p+{{[0-9]+}} {{.*}}callq {{.*}}<work>
// CHECK-NOT: {{ safe|pinned}}
int twice(int n) {
  volatile int k = n;
  if (setjmp(Place) == 0)
    work(k);
  else
    work(k + 1);
  return k;
}

// RUNS: <twice>
// RUNS: callees-may-stop
