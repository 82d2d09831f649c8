; References among stack arguments: coming in they are listed from the entry on, going out they make the stretch up to the call unsafe, and for
; a tail call they are listed where the callee will find them.
; RUN: llc -load %plugin -O2 %s -o %t.s && %python %S/Inputs/machine-states.py %t.s | FileCheck %s
target triple = "x86_64-unknown-linux-gnu"

declare void @use(ptr addrspace(1))
declare void @ext(i64)
declare void @six(i64, i64, i64, i64, i64, i64, ptr addrspace(1), ptr addrspace(1))

; CHECK: <outargs>
; CHECK: prologue, refs rsi rdi | pushq %rbx
; CHECK: safe, refs rax rbx | pushq %rax
; CHECK-NEXT: unsafe | pushq %rbx
; CHECK-NEXT: unsafe, callees may stop, refs rbx | callq six
; CHECK: safe, refs rdi | callq use
define void @outargs(ptr addrspace(1) %a, ptr addrspace(1) %b) {
  %m = call ptr addrspace(1) asm "#stillpoint.ref", "=r,0"(ptr addrspace(1) %a)
  %n = call ptr addrspace(1) asm "#stillpoint.ref", "=r,0"(ptr addrspace(1) %b)
  call void @six(i64 1,i64 2,i64 3,i64 4,i64 5,i64 6,ptr addrspace(1) %m,ptr addrspace(1) %n)
  call void @use(ptr addrspace(1) %m)
  ret void
}

; CHECK: <tail>
; CHECK: prologue, refs [cfa+0] [cfa+8] | pushq %r14
; CHECK: safe, refs rbx r14 | callq ext
; CHECK: epilogue, refs [cfa+0] [cfa+8] | popq %rbx
; CHECK: entry, refs [cfa+0] [cfa+8] | jmp tail
define void @tail(i64 %p, i64 %p2, i64 %p3, i64 %p4, i64 %p5, i64 %p6, ptr addrspace(1) %a, ptr addrspace(1) %b) {
  %m = call ptr addrspace(1) asm "#stillpoint.ref", "=r,0"(ptr addrspace(1) %a)
  %n = call ptr addrspace(1) asm "#stillpoint.ref", "=r,0"(ptr addrspace(1) %b)
  call void @ext(i64 1)
  musttail call void @tail(i64 1,i64 2,i64 3,i64 4,i64 5,i64 6,ptr addrspace(1) %n,ptr addrspace(1) %m)
  ret void
}
