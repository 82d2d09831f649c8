// Linkers that fold identical code compare bytes and relocations, not tables: functions of the same bytes and different tables stay apart.
// RUN: %sp-clangxx -O2 -fno-unroll-loops -ffunction-sections -c %s -o %t.o
// RUN: %clangxx -fuse-ld=lld -Wl,--icf=all,--print-icf-sections %t.o -o %t > %t.folded && FileCheck %s --allow-empty < %t.folded && %t
// RUN: %clangxx -fuse-ld=lld -Wl,--icf=safe,--print-icf-sections %t.o -o %t > %t.folded && FileCheck %s --allow-empty < %t.folded && %t
// RUN: %sp-clangxx -O2 -fno-unroll-loops -ffunction-sections -fno-integrated-as -c %s -o %t.o
// RUN: %clangxx -fuse-ld=lld -Wl,--icf=all,--print-icf-sections %t.o -o %t > %t.folded && FileCheck %s --allow-empty < %t.folded && %t
//
// Without tables the same code is folded: the test sees what it looks for.
// RUN: %clangxx -O2 -fno-unroll-loops -ffunction-sections -Wno-unknown-attributes -c %s -o %t.o
// RUN: %clangxx -fuse-ld=lld -Wl,--icf=all,--print-icf-sections %t.o -o %t | FileCheck %s --check-prefix=FOLDED

// CHECK-NOT: {{selected|removing}} {{.*}}(.text.{{.+}})
// FOLDED: .text.drops
volatile int Source = 3;

// A vector register is live through one of them.
extern "C" [[gnu::noinline]] double keeps(double X) {
  for (int I = 0; I < 1000; ++I)
    Source = I;
  return X;
}
extern "C" [[gnu::noinline]] void drops(double) {
  for (int I = 0; I < 1000; ++I)
    Source = I;
}

// One may be stopped.
extern "C" [[gnu::noinline]] int plain() { return Source; }
extern "C" [[stillpoint::nosplit]] int nosplit() { return Source; }

int main() {
  drops(1);
  return keeps(0) + (plain() - nosplit());
}
