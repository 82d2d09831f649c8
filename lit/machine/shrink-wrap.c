// Code before a late prologue, and behind an early epilogue, has the caller's frame.
// REQUIRES: objdump
// RUN: %sp-clang -O2 -fomit-frame-pointer -c %s -o %t.o && %sp-objdump --check %t.o && %sp-objdump %t.o | FileCheck %s

// CHECK: <early>
// CHECK: safe cfa=rsp+8 {{.*}}test
// CHECK: safe cfa=rsp+8 {{.*}}j
// CHECK: pushq
// CHECK: callq
// CHECK-NOT: unsafe
int other(int, int *);
int early(int *p, int n) {
  if (__builtin_expect(!p, 1))
    return n;
  int local = n;
  int sum = other(n, &local);
  return sum + other(local, p) + n;
}
