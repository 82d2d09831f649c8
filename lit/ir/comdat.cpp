// One inline function in several objects. The linker keeps one copy: with its table, once, or the copy of an object without tables, and then
// no table speaks of it. Both linkers, both orders.
// RUN: rm -rf %t && split-file %s %t && cd %t
// RUN: %clang -O1 -DTABLE_VERSION=%tables -c %S/Inputs/runtime.c -o runtime.o
// RUN: %clangxx -O2 -c main.cpp -o main.o
// RUN: %sp-clangxx -O2 -DUSER=a -c user.cpp -o a.o && %sp-clangxx -O2 -DUSER=b -c user.cpp -o b.o
// RUN: %clangxx -O2 -DUSER=a -c user.cpp -o a.plain.o && %clangxx -O2 -DUSER=b -c user.cpp -o b.plain.o
//
// RUN: %clangxx a.o b.o main.o runtime.o -o both && ./both | FileCheck main.cpp --check-prefixes=CHECK,TABLE
// RUN: %clangxx -fuse-ld=lld a.o b.o main.o runtime.o -o both.lld && ./both.lld | FileCheck main.cpp --check-prefixes=CHECK,TABLE
// RUN: %clangxx a.o b.plain.o main.o runtime.o -o first && ./first | FileCheck main.cpp --check-prefixes=CHECK,TABLE
// RUN: %clangxx -fuse-ld=lld a.o b.plain.o main.o runtime.o -o first.lld && ./first.lld | FileCheck main.cpp --check-prefixes=CHECK,TABLE
// RUN: %clangxx b.plain.o a.o main.o runtime.o -o second && ./second | FileCheck main.cpp --check-prefixes=CHECK,FOREIGN
// RUN: %clangxx -fuse-ld=lld b.plain.o a.o main.o runtime.o -o second.lld && ./second.lld | FileCheck main.cpp --check-prefixes=CHECK,FOREIGN

//--- user.cpp
[[gnu::noinline]] inline int shared(int N) {
  int S = 0;
  for (int I = 0; I < N; ++I)
    S ^= I * N;
  return S;
}
int USER(int N) { return shared(N) + 1; }

//--- main.cpp
// CHECK: register module 1: sound, tables
// TABLE-NEXT: table of shared
// TABLE-NOT: table of shared
// FOREIGN-NOT: table of shared
// CHECK: main 2
#include <cstdio>
int a(int);
int b(int);
[[gnu::noinline]] inline int shared(int N) {
  int S = 0;
  for (int I = 0; I < N; ++I)
    S ^= I * N;
  return S;
}
extern "C" const struct { const void *Address; const char *Name; } managed_names[] = {{(const void *)&shared, "shared"}, {nullptr, nullptr}};
int main(int Count, char **) { printf("main %d\n", a(Count) + b(Count)); }
