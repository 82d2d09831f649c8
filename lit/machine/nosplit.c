// A nosplit function is unsafe all over; what it calls can be stopped, because its frame is known.
// REQUIRES: objdump
// RUN: %sp-clang -O2 -c %s -o %t.o && %sp-objdump --check %t.o && %sp-objdump %t.o | FileCheck %s
// RUN: %sp-objdump --runs %t.o | FileCheck %s --check-prefix=RUNS

int other(int);
// CHECK: <never>
// CHECK-NOT: {{ safe|pinned}}
// CHECK: unsafe cfa={{.*}}callq
// CHECK-NOT: {{ safe|pinned}}
__attribute__((annotate("stillpoint::nosplit"))) int never(int n) {
  int s = 0;
  for (int i = 0; i < n; ++i)
    s += other(i);
  return s;
}

// A thread-local address over the call: the callee may be stopped, but goes on in the same thread.
extern _Thread_local int Counter;
// RUNS: <never>
// RUNS: callees-may-stop
// RUNS: <counts>
// RUNS: own 0 {{.*}} callees-may-stop
// RUNS: own 1 {{.*}} callees-pinned
__attribute__((annotate("stillpoint::nosplit"))) void counts(int n) {
  int *Here = &Counter;
  __asm__("" : "+r"(Here));
  Here[0] = other(n);
}
