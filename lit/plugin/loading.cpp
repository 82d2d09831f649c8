// The ways to load the plugin: each makes tables, and two at once make them once.
// RUN: %clangxx -O2 -fplugin=%plugin -c %s -o %t.o && llvm-readelf -SW %t.o | FileCheck %s
// RUN: %clangxx -O2 -fpass-plugin=%plugin -c %s -o %t.o && llvm-readelf -SW %t.o | FileCheck %s
// RUN: %clangxx -O2 -fpass-plugin=%passes -c %s -o %t.o && llvm-readelf -SW %t.o | FileCheck %s
// RUN: %clangxx -O2 -fplugin=%plugin -fpass-plugin=%plugin -c %s -o %t.o && llvm-readelf -SW %t.o | FileCheck %s
// RUN: %clangxx -O2 -S -emit-llvm %s -o %t.ll
// RUN: llc -O2 -load=%plugin -relocation-model=pic -filetype=obj %t.ll -o %t.o && llvm-readelf -SW %t.o | FileCheck %s
// RUN: llc -O2 --load-pass-plugin=%passes -filetype=obj %t.ll -o %t.o && llvm-readelf -SW %t.o | FileCheck %s
// RUN: opt -load-pass-plugin=%passes -passes='default<O2>' %t.ll -S -o - | FileCheck %s --check-prefix=OPT
// RUN: opt -load-pass-plugin=%passes -passes='thinlto-pre-link<O2>' %t.ll -S -o - | FileCheck %s --check-prefix=PRELINK

// CHECK: stillpoint_init
// CHECK-NOT: stillpoint_init PROGBITS
// CHECK: stillpoint_records_v[[#V]]
// OPT-NOT: stillpoint_module
// PRELINK: @__stillpoint_module_v[[#V]] = linkonce_odr hidden constant

int f(int N) {
  int S = 0;
  for (int I = 0; I < N; ++I)
    S ^= I * N;
  return S;
}
