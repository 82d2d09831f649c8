// While the stack grows by an unknown amount the frame stays known, from RBP.
// REQUIRES: objdump
// RUN: %sp-clang -O2 -c %s -o %t.o && %sp-objdump --check %t.o && %sp-objdump %t.o | FileCheck %s

// CHECK: <dynamic>
// CHECK-NEXT: frame cfa=rbp+16
// CHECK: safe cfa=rbp+16 {{.*}}movq {{.*}}, %rsp
// CHECK-NEXT: safe cfa=rbp+16
// CHECK: safe cfa=rbp+16 {{.*}}callq
// CHECK-NOT: unsafe
// CHECK: safe cfa=rsp+8 vec retq
void fill(int *, int);
int dynamic(int n) {
  int a[n];
  fill(a, n);
  return a[n - 1];
}
