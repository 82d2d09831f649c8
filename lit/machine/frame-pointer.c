// With a frame pointer the CFA is counted from RBP as soon as RBP holds it.
// REQUIRES: objdump
// RUN: %sp-clang -O2 -fno-omit-frame-pointer -c %s -o %t.o && %sp-objdump --check %t.o && %sp-objdump %t.o | FileCheck %s

// CHECK: <calls>
// CHECK-NEXT: frame cfa=rbp+16, saves rbp,
// CHECK: safe cfa=rsp+8 vec pushq %rbp
// CHECK: safe cfa=rsp+16 vec movq %rsp, %rbp
// CHECK: safe cfa=rbp+16 {{.*}}callq
// CHECK: vec popq %rbp
// CHECK: safe cfa=rsp+8 vec retq
int other(int);
int calls(int a, int b) {
  int r = other(a);
  return r + other(b) + b;
}
