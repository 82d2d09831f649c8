; A raw pointer out of a stack object of the program that becomes a reference behind its load: there is nothing to follow in the object.
; RUN: llc -load %plugin -O2 %s -o %t.s && %python %S/Inputs/machine-states.py %t.s | FileCheck %s
target triple = "x86_64-unknown-linux-gnu"

declare void @use(i64)
declare void @fill(ptr)

; CHECK: <member>
; CHECK: callq fill
; CHECK: safe | movq (%rsp), %rbx
; CHECK: safe, refs rbx | callq use
; CHECK: retq
define void @member() {
  %object = alloca [2 x ptr]
  call void @fill(ptr %object)
  %raw = load ptr, ptr %object
  %self = addrspacecast ptr %raw to ptr addrspace(1)
  %m = call ptr addrspace(1) asm "#stillpoint.ref", "=r,0"(ptr addrspace(1) %self)
  %v = load i64, ptr %raw
  call void @use(i64 %v)
  call void asm sideeffect "#stillpoint.keep", "r"(ptr addrspace(1) %m)
  ret void
}
