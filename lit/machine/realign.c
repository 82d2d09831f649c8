// A realigned frame is counted from RBP, with and without a dynamic area (then LLVM keeps a base pointer in RBX).
// REQUIRES: objdump
// RUN: %sp-clang -O2 -c %s -o %t.o && %sp-objdump --check %t.o && %sp-objdump %t.o | FileCheck %s

struct __attribute__((aligned(64))) block { int x[16]; };
void fill(void *, int);

// CHECK: <realigned>
// CHECK-NEXT: frame cfa=rbp+16
// CHECK: safe cfa=rbp+16 {{.*}}andq $-0x40, %rsp
// CHECK: safe cfa=rbp+16 {{.*}}callq
// CHECK-NOT: unsafe
int realigned(void) {
  struct block b;
  fill(&b, 1);
  return b.x[3];
}

// CHECK: <based>
// CHECK-NEXT: frame cfa=rbp+16
// CHECK: safe cfa=rbp+16 {{.*}}movq %rsp, %rbx
// CHECK-NOT: unsafe
int based(int n) {
  struct block b;
  int a[n];
  fill(&b, 1);
  fill(a, n);
  return b.x[3] + a[n - 1];
}
