// At a tail call, musttail or not, the frame is gone: the caller's again.
// REQUIRES: objdump
// RUN: %sp-clangxx -O2 -c %s -o %t.o && %sp-objdump --check %t.o && %sp-objdump %t.o | FileCheck %s
// RUN: %sp-clangxx -O2 -fno-omit-frame-pointer -c %s -o %t.f.o && %sp-objdump --check %t.f.o && %sp-objdump %t.f.o | FileCheck %s

extern "C" {
int next(int, int);
int side(int);
// CHECK: <plain>
// CHECK: callq {{.*}}<side>
// CHECK: popq
// CHECK: safe cfa=rsp+8 vec jmp {{.*}}<next>
int plain(int a, int b) {
  side(a);
  return next(b, a);
}
// CHECK: <must>
// CHECK: safe cfa=rsp+8 {{.*}}jmp {{.*}}<next>
int must(int a, int b) { [[clang::musttail]] return next(b, a); }
// CHECK: <through>
// CHECK: safe cfa=rsp+8 {{.*}}jmpq *%r
int through(int (*f)(int, int), int a, int b) {
  side(b);
  return f(a, b);
}
}
