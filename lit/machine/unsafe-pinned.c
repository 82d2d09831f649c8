// Where a function must not be stopped and a thread-local address lives across its call, the callee may be stopped and stays on its thread: the frame can be
// walked, by the collector too.
// REQUIRES: objdump
// RUN: %sp-clang -O2 -c %s -o %t.o && %sp-objdump --check %t.o && %sp-objdump --runs %t.o | FileCheck %s
#include <errno.h>
#include <setjmp.h>

static jmp_buf Place;
void work(int);
// CHECK: <nosplit>
// CHECK: callees-pinned
__attribute__((stillpoint_nosplit)) int nosplit(void) {
  errno = 0;
  work(1);
  return errno;
}
// CHECK: <untouched>
// CHECK-NOT: callees-pinned
// CHECK: callees-may-stop
// CHECK-NOT: callees-pinned
__attribute__((stillpoint_nosplit)) int untouched(int n) {
  work(n);
  return n;
}
// CHECK: <twice>
// CHECK: callees-pinned
int twice(void) {
  errno = 0;
  if (setjmp(Place) == 0)
    work(1);
  return errno;
}
