; What a landing pad needs is listed at the call that may throw, and not on the way on.
; RUN: llc -load %plugin -O2 %s -o %t.s && %python %S/Inputs/machine-states.py %t.s | FileCheck %s
target triple = "x86_64-unknown-linux-gnu"

declare void @use(ptr addrspace(1))
declare void @mayth(ptr addrspace(1))
declare i32 @__gxx_personality_v0(...)

; CHECK: safe, refs rbx rdi | callq mayth
; CHECK-NEXT: safe | addq
; CHECK: safe, refs rbx | movq %rax, %r14
; CHECK: safe, refs rdi | callq use
; CHECK-NEXT: safe | movq %r14, %rdi
define void @pads(ptr addrspace(1) %a, ptr addrspace(1) %b) personality ptr @__gxx_personality_v0 {
entry:
  %m = call ptr addrspace(1) asm "#stillpoint.ref", "=r,0"(ptr addrspace(1) %a)
  %n = call ptr addrspace(1) asm "#stillpoint.ref", "=r,0"(ptr addrspace(1) %b)
  invoke void @mayth(ptr addrspace(1) %m) to label %ok unwind label %pad
ok:
  ret void
pad:
  %lp = landingpad { ptr, i32 } cleanup
  call void @use(ptr addrspace(1) %n)
  resume { ptr, i32 } %lp
}
