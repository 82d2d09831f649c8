// Position-independent shared objects take the tables without text relocations, and so does a relocatable link.
// REQUIRES: objdump
// RUN: %sp-clang -O2 -fPIC -c %s -o %t.o
// RUN: %clang -shared -nostdlib -fuse-ld=lld -Wl,-z,text %t.o -o %t.lld.so && %sp-objdump --check %t.lld.so
// RUN: %clang -shared -nostdlib -fuse-ld=bfd -Wl,-z,text %t.o -o %t.bfd.so && %sp-objdump --check %t.bfd.so
// RUN: %clang -r -nostdlib -fuse-ld=bfd %t.o -o %t.r.o && %clang -shared -nostdlib %t.r.o -o %t.r.so && %sp-objdump --check %t.r.so
// RUN: llvm-readelf -r %t.lld.so | FileCheck %s

// CHECK-NOT: stillpoint_records
int other(int);
__attribute__((visibility("default"))) int exported(int n) { return other(n) + other(n + 1); }
