// A leaf function keeps its locals below the stack pointer: no frame at all, every point safe, nothing but the return address above RSP.
// REQUIRES: objdump
// RUN: %sp-clang -O2 -c %s -o %t.o && %sp-objdump --check %t.o && %sp-objdump --runs %t.o | FileCheck %s

// CHECK: <leaf>
// CHECK-NEXT: frame cfa=rsp+8, saves nothing
// CHECK-NEXT: safe cfa=rsp+8 safe length {{[0-9]+$}}
// CHECK-NOT: cfa=
int leaf(const int *p, int n) {
  volatile int a[8];
  for (int i = 0; i < n; ++i)
    a[i & 7] = p[i];
  return a[3];
}
