// Every kind of linked module hands its tables over once, before ordinary constructors, and takes them back behind ordinary destructors; and
// links and runs without a runtime.
// RUN: rm -rf %t && split-file %s %t && cd %t
// RUN: %clang -O1 -DTABLE_VERSION=%tables -c %S/Inputs/runtime.c -o runtime.o -fPIC
// RUN: %sp-clangxx -O2 -c main.cpp -o main.o && %sp-clangxx -O2 -c other.cpp -o other.o
// RUN: %sp-clangxx -O2 -fno-pie -c main.cpp -o main.nopie.o && %sp-clangxx -O2 -fno-pie -c other.cpp -o other.nopie.o
// RUN: %sp-clangxx -O2 -fPIC -fno-plt -c main.cpp -o main.noplt.o && %sp-clangxx -O2 -fPIC -fno-plt -c other.cpp -o other.noplt.o
//
// RUN: %clangxx main.o other.o runtime.o -o pie && ./pie | FileCheck main.cpp
// RUN: %clangxx -fuse-ld=lld main.o other.o runtime.o -o pie.lld && ./pie.lld | FileCheck main.cpp
// RUN: %clangxx -static main.o other.o runtime.o -o static && ./static | FileCheck main.cpp
// RUN: %clangxx -fuse-ld=lld -static main.o other.o runtime.o -o static.lld && ./static.lld | FileCheck main.cpp
// RUN: %clangxx -static-pie main.o other.o runtime.o -o static-pie && ./static-pie | FileCheck main.cpp
// RUN: %clangxx -fuse-ld=lld -static-pie main.o other.o runtime.o -o static-pie.lld && ./static-pie.lld | FileCheck main.cpp
// RUN: %clangxx -no-pie main.nopie.o other.nopie.o runtime.o -o no-pie && ./no-pie | FileCheck main.cpp
// RUN: %clangxx -fuse-ld=lld -no-pie main.nopie.o other.nopie.o runtime.o -o no-pie.lld && ./no-pie.lld | FileCheck main.cpp
// RUN: %clangxx -Wl,-z,now main.noplt.o other.noplt.o runtime.o -o no-plt && ./no-plt | FileCheck main.cpp
//
// The runtime in a shared object, and none at all.
// RUN: %clang -shared runtime.o -o libruntime.so
// RUN: %clangxx main.o other.o -L. -lruntime -Wl,-rpath,%t -o dynamic && ./dynamic | FileCheck main.cpp
// RUN: %clangxx -no-pie main.nopie.o other.nopie.o -L. -lruntime -Wl,-rpath,%t -o dynamic.nopie && ./dynamic.nopie | FileCheck main.cpp
// RUN: %clangxx main.o other.o -o none && ./none | FileCheck main.cpp --check-prefix=NONE
// RUN: %clangxx -fuse-ld=lld main.o other.o -o none.lld && ./none.lld | FileCheck main.cpp --check-prefix=NONE
// RUN: %clangxx -static main.o other.o -o none.static && ./none.static | FileCheck main.cpp --check-prefix=NONE
// RUN: %clangxx -no-pie main.nopie.o other.nopie.o -o none.nopie && ./none.nopie | FileCheck main.cpp --check-prefix=NONE
//
// At every optimisation level, by an external assembler, and from assembly text; in a relocatable link.
// RUN: %sp-clangxx -O0 main.cpp other.cpp runtime.o -o O0 && ./O0 | FileCheck main.cpp
// RUN: %sp-clangxx -O1 main.cpp other.cpp runtime.o -o O1 && ./O1 | FileCheck main.cpp
// RUN: %sp-clangxx -O3 -g main.cpp other.cpp runtime.o -o O3 && ./O3 | FileCheck main.cpp
// RUN: %sp-clangxx -Os -fno-integrated-as main.cpp other.cpp runtime.o -o as && ./as | FileCheck main.cpp
// RUN: %sp-clangxx -O2 -S main.cpp -o main.s && %clangxx main.s other.o runtime.o -o text && ./text | FileCheck main.cpp
// RUN: ld -r main.o other.o -o both.o && %clangxx both.o runtime.o -o relocatable && ./relocatable | FileCheck main.cpp
// RUN: %lld -r main.o other.o -o both.lld.o && %clangxx -fuse-ld=lld both.lld.o runtime.o -o relocatable.lld && ./relocatable.lld | FileCheck main.cpp
//
// Nothing of it is in .text, visible to other modules, or dependent on symbols that a strip removes.
// RUN: llvm-nm -D dynamic | FileCheck main.cpp --check-prefix=DYNAMIC
// RUN: objcopy --strip-all pie stripped && ./stripped | FileCheck main.cpp

//--- main.cpp
// CHECK: register module 1: sound, tables
// CHECK-NEXT: table of other
// CHECK-NOT: register
// CHECK: constructor
// CHECK-NEXT: main
// CHECK-NEXT: destructor
// CHECK-NEXT: unregister module
// CHECK-NOT: register
// NONE-NOT: register
// NONE: main
// DYNAMIC-NOT: __stillpoint_module
// DYNAMIC: w __stillpoint_register_tables
#include <cstdio>
int other(int);
struct Printer {
  Printer() { puts("constructor"); }
  ~Printer() { puts("destructor"); }
} Printed;
int main(int Count, char **) {
  puts("main");
  return other(Count) & 0;
}

//--- other.cpp
int other(int N) {
  int S = 0;
  for (int I = 0; I < N; ++I)
    S ^= I * N;
  return S;
}
extern "C" const struct { const void *Address; const char *Name; } managed_names[] = {{(const void *)&other, "other"}, {nullptr, nullptr}};
