// Link-time optimisation by lld: one registration for each linked module, tables of what is left, whether the objects' compiler or only the
// linker had the plugin, and beside objects that are not bitcode.
// RUN: rm -rf %t && split-file %s %t && cd %t
// RUN: %clang -O1 -DTABLE_VERSION=%tables -c %S/Inputs/runtime.c -o runtime.o
// RUN: %sp-clangxx -O2 -flto=full -c one.cpp -o one.full.o && %sp-clangxx -O2 -flto=full -c two.cpp -o two.full.o
// RUN: %sp-clangxx -O2 -flto=thin -c one.cpp -o one.thin.o && %sp-clangxx -O2 -flto=thin -c two.cpp -o two.thin.o
// RUN: %sp-clangxx -O2 -flto=thin -c three.cpp -o three.thin.o
// RUN: %sp-clangxx -O2 -c two.cpp -o two.native.o && %sp-clangxx -O2 -c three.cpp -o three.native.o
// RUN: %clangxx -O2 -flto=thin -Wno-unknown-attributes -c one.cpp -o one.plain.o && %clangxx -O2 -flto=thin -c two.cpp -o two.plain.o
// RUN: %clangxx -O2 -flto=thin -c three.cpp -o three.plain.o
//
// RUN: %clangxx -fuse-ld=lld -flto=full -Wl,--load-pass-plugin=%plugin one.full.o two.full.o three.native.o runtime.o -o full
// RUN: ./full | FileCheck one.cpp
// RUN: llvm-readelf -SW full | FileCheck one.cpp --check-prefix=ONCE
// RUN: %clangxx -fuse-ld=lld -flto=thin -Wl,--load-pass-plugin=%plugin -Wl,--thinlto-jobs=3 one.thin.o two.thin.o three.thin.o runtime.o -o thin
// RUN: ./thin | FileCheck one.cpp
// RUN: llvm-readelf -SW thin | FileCheck one.cpp --check-prefix=ONCE
// RUN: %clangxx -fuse-ld=lld -flto=thin -Wl,--load-pass-plugin=%plugin one.thin.o two.native.o three.thin.o runtime.o -o mixed
// RUN: ./mixed | FileCheck one.cpp
// RUN: %clangxx -fuse-ld=lld -flto=thin -Wl,--load-pass-plugin=%plugin three.native.o two.thin.o one.thin.o runtime.o -o mixed2
// RUN: ./mixed2 | FileCheck one.cpp
//
// Only the linker has it: several copies of the constructor stay, one registration happens.
// RUN: %clangxx -fuse-ld=lld -flto=thin -Wl,--load-pass-plugin=%plugin -Wl,--thinlto-jobs=3 one.plain.o two.plain.o three.plain.o runtime.o -o plain
// RUN: ./plain | FileCheck one.cpp
//
// Only the compiler has it: no tables, nothing breaks. Shared objects, and dropped sections.
// RUN: %clangxx -fuse-ld=lld -flto=thin one.thin.o two.thin.o three.thin.o runtime.o -o none && ./none | FileCheck one.cpp --check-prefix=NONE
// RUN: %clangxx -fuse-ld=lld -flto=thin -Wl,--load-pass-plugin=%plugin -Wl,--gc-sections one.thin.o two.thin.o three.thin.o runtime.o -o gc
// RUN: ./gc | FileCheck one.cpp
//
// nosplit lives through it: the attribute is in the bitcode, and the function is not inlined.
// RUN: llvm-dis one.thin.o -o - | FileCheck one.cpp --check-prefix=BITCODE
// RUN: llvm-nm thin | FileCheck one.cpp --check-prefix=NOSPLIT

//--- one.cpp
// CHECK: register module 1: sound, tables
// CHECK-NOT: register
// CHECK: table of two
// CHECK: sum 26
// CHECK-NEXT: unregister module
// CHECK-NOT: register
// NONE: register module 1: sound, no tables
// ONCE: init_array INIT_ARRAY {{[0-9a-f]+ [0-9a-f]+}} 000010
// BITCODE-NOT: llvm.global.annotations
// BITCODE: attributes {{.*}}noinline{{.*}}"stillpoint-nosplit"
// NOSPLIT: _Z7nosplitv
#include <cstdio>
int two(int);
int three(int);
volatile int Source = 1;
[[stillpoint::nosplit]] int nosplit() { return Source; }
inline int shared(int N) { return N * 2; }
int main() { printf("sum %d\n", two(5) + three(2) + nosplit() + shared(0)); }

//--- two.cpp
inline int shared(int N) { return N * 2; }
[[gnu::noinline]] int two(int N) {
  int S = 0;
  for (int I = 0; I < N; ++I)
    S ^= I * N;
  return S + shared(2);
}
extern "C" [[gnu::used]] extern const struct { const void *Address; const char *Name; } managed_names[] = {{(const void *)&two, "two"}, {nullptr, nullptr}};

//--- three.cpp
inline int shared(int N) { return N * 2; }
[[gnu::noinline]] int three(int N) { return shared(N) - 3; }
