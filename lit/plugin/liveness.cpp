// liveness=full reaches every function, and survives into bitcode.
// RUN: %sp-clangxx -fplugin-arg-stillpoint-liveness=full -O1 -S -emit-llvm %s -o - | FileCheck %s
// RUN: %sp-clangxx -fplugin-arg-stillpoint-liveness=full -flto=thin -O1 -c %s -o %t.bc && llvm-dis %t.bc -o - | FileCheck %s
// RUN: %sp-clangxx -fplugin-arg-stillpoint-liveness=gc -O1 -S -emit-llvm %s -o - | FileCheck %s --check-prefix=GC
// RUN: %clangxx -O1 -S -emit-llvm %s -o %t.ll
// RUN: opt -load-pass-plugin=%passes -stillpoint-liveness=full -passes='default<O1>' %t.ll -S -o - | FileCheck %s
// RUN: not llc -load=%plugin -stillpoint-liveness=some %t.ll -o /dev/null 2>&1 | FileCheck %s --check-prefix=BAD

// CHECK: define {{.*}} @f({{.*}} [[FULL:#[0-9]+]]
// CHECK: attributes [[FULL]] = {{{.*}}"stillpoint-liveness"="full"
// GC-NOT: stillpoint-liveness
// BAD: for the --stillpoint-liveness option: Cannot find option named 'some'!
extern "C" int f(int N) { return N + 1; }
