// References that arrive as integers, because the registers for arguments have run out, are marked where they arrive, also where they are only handed on.
// RUN: %sp-clangxx -std=c++20 -O2 -I%include -S -emit-llvm %s -o - | FileCheck %s --check-prefixes=CHECK,OPT
// RUN: %sp-clangxx -std=c++20 -O0 -I%include -S -emit-llvm %s -o - | FileCheck %s
// RUN: %sp-clangxx -std=c++20 -O2 -I%include -fverify-intermediate-code -mllvm -stillpoint-verify-references -mllvm -verify-machineinstrs -c %s -o %t.o
// RUN: %sp-clangxx -std=c++20 -O0 -I%include -fverify-intermediate-code -mllvm -stillpoint-verify-references -mllvm -verify-machineinstrs -c %s -o %t.o
#include <stillpoint/gc.hpp>

using R = stillpoint::gc::ref<long>;

long last(R, R, R, R, R, R, R, R);
void other();

// CHECK-LABEL: define {{.*}}6handOn
// CHECK-DAG: call ptr addrspace(1) asm "#stillpoint.ref", "=r,0"(i64 %{{.*}})
// CHECK-DAG: call ptr addrspace(1) asm "#stillpoint.ref", "=r,0"(i64 %{{.*}})
// OPT: ptrtoint ptr addrspace(1)
// CHECK: ret i64
long handOn(R a, R b, R c, R d, R e, R f, R g, R h) {
  other();
  return last(a, b, c, d, e, f, h, g);
}
