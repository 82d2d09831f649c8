// The inside of inline assembly is unsafe from its first byte to its end; assembly without code is transparent.
// REQUIRES: objdump
// RUN: %sp-clang -O2 -c %s -o %t.o && %sp-objdump --check %t.o && %sp-objdump %t.o | FileCheck %s

// CHECK: <loop>
// CHECK: unsafe {{.*}}nop
// CHECK-NEXT: unsafe {{.*}}nop
// CHECK-NEXT: safe
// CHECK-NOT: unsafe
// CHECK: <quiet>
void loop(int n) {
  for (int i = 0; i < n; ++i)
    __asm__ volatile("nop\n\tnop" ::: "memory");
}
// CHECK-NOT: unsafe
// CHECK: <asm_loop>
void quiet(int n) {
  for (int i = 0; i < n; ++i)
    __asm__ volatile("# just a comment\n\t" : "+r"(n)::"memory");
}
// CHECK: unsafe {{.*}}decl
// CHECK-NEXT: unsafe {{.*}}j
// CHECK-NEXT: safe {{.*}}ret
void asm_loop(int n) { __asm__ volatile("1: decl %0\n\tjnz 1b" : "+r"(n)::"cc"); }
