; A choice between a reference and null may become a mask: the mask is no reference, the result is.
; RUN: llc -load %plugin -O2 %s -o %t.s && %python %S/Inputs/machine-states.py %t.s | FileCheck %s
target triple = "x86_64-unknown-linux-gnu"



; CHECK: safe, refs rdi | sarq $63, %rax
; CHECK-NEXT: safe, refs rdi | andq %rdi, %rax
; CHECK-NEXT: safe, refs rax | retq
define ptr addrspace(1) @maskselect(ptr addrspace(1) %a, i64 %x) {
  %m = call ptr addrspace(1) asm "#stillpoint.ref", "=r,0"(ptr addrspace(1) %a)
  %c = icmp slt i64 %x, 0
  %s = select i1 %c, ptr addrspace(1) %m, ptr addrspace(1) null
  %n = call ptr addrspace(1) asm "#stillpoint.ref", "=r,0"(ptr addrspace(1) %s)
  ret ptr addrspace(1) %n
}
