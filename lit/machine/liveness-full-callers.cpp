// liveness=full: what belongs to the caller is live until it is saved, also where the function never returns: an unwinder reads it. So is the register that
// the frame is found by.
// REQUIRES: objdump
// RUN: %sp-clangxx -O2 -fplugin-arg-stillpoint-liveness=full -c %s -o %t.o
// RUN: %sp-objdump --check %t.o && %sp-objdump %t.o | FileCheck %s
// RUN: %sp-clangxx -O0 -fplugin-arg-stillpoint-liveness=full -c %s -o %t.o
// RUN: %sp-objdump --check %t.o && %sp-objdump %t.o | FileCheck %s --check-prefix=FRAME

[[noreturn]] void fail(int);

// CHECK: <leaves(int)>
// CHECK: live={{.*}}rbx,rsp,rbp,{{.*}}r12,r13,r14,r15{{.*}} callq
// FRAME: <leaves(int)>
// FRAME: cfa=rbp+16 {{.*}}live={{.*}}rbx,rsp,rbp,{{.*}}r12,r13,r14,r15{{.*}} callq
void leaves(int n) { fail(n + 1); }

// A cold path that saves nothing.
// CHECK: <seldom(int, int)>
// CHECK: live={{.*}}rbx,rsp,rbp,{{.*}}r12,r13,r14,r15{{.*}} callq
int seldom(int n, int m) {
  if (n > m)
    fail(n);
  return m - n;
}
