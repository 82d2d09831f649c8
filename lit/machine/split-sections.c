// A function in several sections has a record for each of its fragments.
// REQUIRES: objdump
// RUN: %sp-clang -O2 -fbasic-block-sections=all -c %s -o %t.o && %sp-objdump --check %t.o && %sp-objdump --runs %t.o | FileCheck %s
// RUN: llvm-readelf -S %t.o | FileCheck %s --check-prefix=SECTIONS

// SECTIONS-COUNT-3: stillpoint_records_v[[#V]]
// CHECK: <parts>
// CHECK: <parts.__part.1>
// CHECK: <parts.__part.2>
int cold(int), hot(int);
int parts(int n) {
  int s = 0;
  for (int i = 0; i < n; ++i)
    s += i & 64 ? cold(s) : hot(i);
  return s;
}
