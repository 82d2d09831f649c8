; A reference that lives across a call in a register that only this callee saves cannot be found by a walk (diagnose-undescribed.ll). The write barrier is
; such a callee; nothing stops under it.
; RUN: llc -load %plugin -O2 %s -o %t.s && %python %S/Inputs/machine-states.py %t.s | FileCheck %s
target triple = "x86_64-unknown-linux-gnu"

declare void @use(ptr addrspace(1))

; CHECK: <barrier>
; CHECK: {{safe|entry}}, refs rsi rdi | callq __stillpoint_write_barrier
define void @barrier(ptr addrspace(1) %a, ptr addrspace(1) %b) {
  %m = call ptr addrspace(1) asm "#stillpoint.ref", "=r,0"(ptr addrspace(1) %a)
  %n = call ptr addrspace(1) asm "#stillpoint.ref", "=r,0"(ptr addrspace(1) %b)
  call preserve_mostcc void @__stillpoint_write_barrier(ptr addrspace(1) %m)
  call void @use(ptr addrspace(1) %n)
  ret void
}
declare preserve_mostcc void @__stillpoint_write_barrier(ptr addrspace(1))
