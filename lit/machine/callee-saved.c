// The standard prologue and epilogue are safe, and each point of them knows which registers are on the stack.
// REQUIRES: objdump
// RUN: %sp-clang -O2 -fomit-frame-pointer -c %s -o %t.o && %sp-objdump --check %t.o && %sp-objdump %t.o | FileCheck %s

// CHECK: <calls>
// CHECK-NEXT: frame cfa=rsp+{{[0-9]+}}, saves {{.*}}rbx
// CHECK: safe cfa=rsp+8 vec pushq
// CHECK: safe cfa=rsp+16 vec pushq {{.*}} # saved
// CHECK: callq {{.*}}<other>
// CHECK: vec popq %rbx
// CHECK: safe cfa=rsp+8 vec retq
int other(int);
int calls(int a, int b, int c) {
  int r = 0;
  for (int i = 0; i < c; ++i)
    r += other(a) + other(b) + other(r);
  return r + a + b;
}
