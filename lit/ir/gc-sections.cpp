// --gc-sections drops the tables of the functions that it drops, keeps the others', and a module that is left without any still links and
// runs. GNU ld has to be told that a reference to a section's bounds does not keep the section (and with it every function); lld knows.
// RUN: rm -rf %t && split-file %s %t && cd %t
// RUN: %clang -O1 -DTABLE_VERSION=%tables -c %S/Inputs/runtime.c -o runtime.o
// RUN: %sp-clangxx -O2 -ffunction-sections -c some.cpp -o some.o && %sp-clangxx -O2 -ffunction-sections -c dropped.cpp -o dropped.o
// RUN: %clangxx -O2 -c main.cpp -o main.o
// RUN: %clangxx -Wl,--gc-sections,-z,start-stop-gc main.o some.o dropped.o runtime.o -o bfd && ./bfd | FileCheck main.cpp
// RUN: llvm-readelf -SW bfd | FileCheck main.cpp --check-prefix=SECTIONS
// RUN: %clangxx -fuse-ld=lld -Wl,--gc-sections main.o some.o dropped.o runtime.o -o lld && ./lld | FileCheck main.cpp
// RUN: llvm-readelf -SW lld | FileCheck main.cpp --check-prefix=SECTIONS
// RUN: %clangxx -Wl,--gc-sections main.o some.o dropped.o runtime.o -o bfd.all && ./bfd.all | FileCheck main.cpp --check-prefix=ALL
//
// RUN: %clangxx -DNOTHING -O2 -c main.cpp -o nothing.o
// RUN: %clangxx -Wl,--gc-sections,-z,start-stop-gc nothing.o dropped.o runtime.o -o bfd.nothing && ./bfd.nothing | FileCheck main.cpp --check-prefix=NOTHING
// RUN: %clangxx -fuse-ld=lld -Wl,--gc-sections nothing.o dropped.o runtime.o -o lld.nothing && ./lld.nothing | FileCheck main.cpp --check-prefix=NOTHING
// RUN: %clangxx -static -Wl,--gc-sections,-z,start-stop-gc nothing.o dropped.o runtime.o -o bfd.static && ./bfd.static | FileCheck main.cpp --check-prefix=NOTHING

//--- some.cpp
int kept(int N) {
  int S = 0;
  for (int I = 0; I < N; ++I)
    S ^= I * N;
  return S;
}
int unused(int N) { return kept(N) + 1; }

//--- dropped.cpp
int dropped(int N) { return N * 3; }

//--- main.cpp
// CHECK: register module 1: sound, tables
// CHECK-NEXT: table of kept
// CHECK-NEXT: main
// CHECK-NEXT: unregister module
// ALL: register module 1: sound, tables
// ALL: main
// NOTHING: register module 1: sound, no tables
// NOTHING-NEXT: main
// The name of the section, its type, address, offset and size: one record.
// SECTIONS: stillpoint_records_v[[#V]] PROGBITS {{[0-9a-f]+ [0-9a-f]+}} 000008
#include <cstdio>
int kept(int);
#ifndef NOTHING
extern "C" const struct { const void *Address; const char *Name; } managed_names[] = {{(const void *)&kept, "kept"}, {nullptr, nullptr}};
#endif
int main() { puts("main"); }
