; A register that nobody has written yet holds the caller's value: it is not listed, although what a landing pad needs counts in the whole block that ends with
; the call to it.
; RUN: llc -load %plugin -O2 %s -o %t.s && %python %S/Inputs/machine-states.py %t.s | FileCheck %s
target triple = "x86_64-unknown-linux-gnu"

declare void @done()
declare ptr addrspace(1) @make()
declare void @mayth(ptr addrspace(1))
declare i32 @__gxx_personality_v0(...)

; CHECK: <late>
; CHECK: safe | callq done
; CHECK-NEXT: safe | callq make
; CHECK-NEXT: safe, refs rax | movq %rax, %rbx
; CHECK: safe, refs rbx rdi | callq mayth
; CHECK: safe, refs rbx | movq %rax, %r14
; CHECK-NEXT: safe, refs rbx | callq done
define void @late() personality ptr @__gxx_personality_v0 {
  call void @done()
  %made = call ptr addrspace(1) @make()
  %r = call ptr addrspace(1) asm "#stillpoint.ref", "=r,0"(ptr addrspace(1) %made)
  invoke void @mayth(ptr addrspace(1) %r) to label %ok unwind label %pad
ok:
  ret void
pad:
  %lp = landingpad { ptr, i32 } cleanup
  call void @done()
  call void asm sideeffect "#stillpoint.keep", "r"(ptr addrspace(1) %r)
  resume { ptr, i32 } %lp
}

; An argument may come in a register that callees save: it is one from the beginning.
; CHECK: <passed>
; CHECK: refs r13 | callq done
; CHECK: refs r13 | callq mayth
define void @passed(ptr addrspace(1) swiftself %a) {
  call void @done()
  %r = call ptr addrspace(1) asm "#stillpoint.ref", "=r,0"(ptr addrspace(1) %a)
  call void @mayth(ptr addrspace(1) %r)
  call void asm sideeffect "#stillpoint.keep", "r"(ptr addrspace(1) %r)
  ret void
}
