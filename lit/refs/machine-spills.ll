; A slot is listed while it holds a reference that is still needed, and not while another value is in it.
; RUN: llc -load %plugin -O2 %s -o %t.s && %python %S/Inputs/machine-states.py %t.s | FileCheck %s
target triple = "x86_64-unknown-linux-gnu"

declare ptr addrspace(1) @make()
declare i64 @number()
declare void @use(ptr addrspace(1))
declare void @take(i64)

; CHECK: <shared>
; CHECK: callq make
; CHECK-NEXT: safe, refs rax | movq %rax, [[AT:.*]](%rsp)
; CHECK: safe, refs [cfa-[[SLOT:[0-9]+]]] | movq [[AT]](%rsp), %rdi
; CHECK-NEXT: safe, refs rdi | callq use
; CHECK: callq number
; CHECK-NEXT: safe | movq %rax, [[AT]](%rsp)
; CHECK-NOT: refs
; CHECK: safe | callq take
define void @shared() {
  %p = call ptr addrspace(1) @make()
  %r = call ptr addrspace(1) asm "#stillpoint.ref", "=r,0"(ptr addrspace(1) %p)
  call void asm sideeffect "", "~{rax},~{rbx},~{rcx},~{rdx},~{rsi},~{rdi},~{rbp},~{r8},~{r9},~{r10},~{r11},~{r12},~{r13},~{r14},~{r15}"()
  call void @use(ptr addrspace(1) %r)
  %n = call i64 @number()
  call void asm sideeffect "", "~{rax},~{rbx},~{rcx},~{rdx},~{rsi},~{rdi},~{rbp},~{r8},~{r9},~{r10},~{r11},~{r12},~{r13},~{r14},~{r15}"()
  call void @take(i64 %n)
  ret void
}
