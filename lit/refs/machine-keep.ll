; A kept reference is listed up to the keep, which leaves no code.
; RUN: llc -load %plugin -O2 %s -o %t.s && %python %S/Inputs/machine-states.py %t.s | FileCheck %s
; RUN: FileCheck --check-prefix=CODE %s < %t.s
; CODE-NOT: stillpoint.{{ref|keep}}
; CODE-NOT: #APP
target triple = "x86_64-unknown-linux-gnu"



; CHECK: safe, refs rdi | movq (%rdi,%rsi,8), %rax
; CHECK-NEXT: safe, refs rdi | imulq %rax, %rax
; CHECK-NEXT: {{.*}} | retq
define i64 @keeps(ptr addrspace(1) %a, i64 %i) {
  %m = call ptr addrspace(1) asm "#stillpoint.ref", "=r,0"(ptr addrspace(1) %a)
  %g = getelementptr i64, ptr addrspace(1) %m, i64 %i
  %v = load i64, ptr addrspace(1) %g
  call void asm sideeffect "#stillpoint.keep", "r"(ptr addrspace(1) %m)
  %r = mul i64 %v, %v
  ret i64 %r
}
