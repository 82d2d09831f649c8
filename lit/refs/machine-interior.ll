; A sum with one reference is a reference of its own, also where the first is dead by then.
; RUN: llc -load %plugin -O2 %s -o %t.s && %python %S/Inputs/machine-states.py %t.s | FileCheck %s
target triple = "x86_64-unknown-linux-gnu"

declare void @field(ptr addrspace(1))

; CHECK: <interior>
; CHECK: {{.*}}, refs rdi | addq $24, %rdi
; CHECK-NEXT: {{.*}}, refs rdi | jmp field
define void @interior(ptr addrspace(1) %a) {
  %m = call ptr addrspace(1) asm "#stillpoint.ref", "=r,0"(ptr addrspace(1) %a)
  %f = getelementptr inbounds i8, ptr addrspace(1) %m, i64 24
  tail call void @field(ptr addrspace(1) %f)
  ret void
}
