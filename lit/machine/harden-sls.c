// -mharden-sls=all puts an INT3 behind returns and indirect jumps while it prints. It is never executed; the tables still fit the code.
// REQUIRES: objdump
// RUN: %sp-clang -O2 -mharden-sls=all -c %s -o %t.o && %sp-objdump --check %t.o && %sp-objdump %t.o | FileCheck %s

// CHECK: <early>
// CHECK: safe {{.*}} retq
int other(int);
int early(int n) {
  if (n < 0)
    return 1;
  return other(n) + other(n + 1);
}
