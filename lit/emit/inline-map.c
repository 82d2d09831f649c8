// A common function's map is in its record: no maps section at all.
// REQUIRES: objdump
// RUN: %sp-clang -O2 -c %s -o %t.o && %sp-objdump --check %t.o && llvm-readelf -S %t.o | FileCheck %s
// A branch that the assembler pads may be longer than the writer can know.
// RUN: %sp-clang -O2 -mbranches-within-32B-boundaries -c %s -o %t.b.o && %sp-objdump --check %t.b.o
// RUN: llvm-readelf -S %t.b.o | FileCheck %s --check-prefix=PADDED

// CHECK: stillpoint_records_v[[#V]]
// CHECK-NOT: stillpoint_maps_v[[#V]]
// PADDED: stillpoint_maps_v[[#V]]
int other(int);
int leaf(int n) { return n * 3; }
int calls(int n) {
  int s = 0;
  for (int i = 0; i < n; ++i)
    s += other(i);
  return s;
}
