// A nosplit function is unsafe all over; what it calls can be stopped, because its frame is known.
// REQUIRES: objdump
// RUN: %sp-clang -O2 -c %s -o %t.o && %sp-objdump --check %t.o && %sp-objdump %t.o | FileCheck %s

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
