// A function that touches x87 or MMX has vector state live everywhere.
// REQUIRES: objdump
// RUN: %sp-clang -O2 -c %s -o %t.o && %sp-objdump --check %t.o && %sp-objdump --runs %t.o | FileCheck %s

// CHECK: <scale>
// CHECK-NEXT: frame cfa=rsp+8, saves nothing
// CHECK-NEXT: safe cfa=rsp+8 safe-vector length
// CHECK-NOT: cfa=
long double scale(long double x, int n) {
  for (int i = 0; i < n; ++i)
    x *= 1.5L;
  return x;
}
