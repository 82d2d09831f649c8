// A naked function has no frame that anybody knows.
// REQUIRES: objdump
// RUN: %sp-clang -O2 -c %s -o %t.o && %sp-objdump %t.o | FileCheck %s

// CHECK: <bare>
// CHECK-NOT: {{ safe|pinned}}
// CHECK: unsafe {{.*}}ret
__attribute__((naked)) int bare(int n) { __asm__("leal 1(%rdi), %eax\n\tretq"); }
