; Slots and stack roots in frames whose locals have no fixed distance to the CFA.
; RUN: llc -load %plugin -O2 %s -o %t.s && %python %S/Inputs/machine-states.py %t.s | FileCheck %s
target triple = "x86_64-unknown-linux-gnu"

declare void @use(ptr addrspace(1))
declare void @esc(ptr)

; CHECK: <realigned>
; CHECK: safe, refs [rsp+[[S:[0-9]+]]], roots | leaq
; CHECK-NEXT: safe, refs [rsp+[[S]]], roots | callq esc
; CHECK: safe, refs [rsp+[[S]]], roots | movq [[S]](%rsp), %rdi
; CHECK-NEXT: safe, refs rdi, roots | callq use
; CHECK-NEXT: safe, roots | leaq
; CHECK-NEXT: epilogue | popq
define void @realigned(ptr addrspace(1) %a, i64 %k) {
  %arr = alloca [4 x i64], align 64
  %root = alloca [2 x ptr addrspace(1)], align 16, !stillpoint.roots !0
  %m = call ptr addrspace(1) asm "#stillpoint.ref", "=r,0"(ptr addrspace(1) %a)
  store ptr addrspace(1) null, ptr %root
  %r1 = getelementptr i8, ptr %root, i64 8
  store ptr addrspace(1) null, ptr %r1
  call void asm sideeffect "#stillpoint.roots", "*m,~{memory}"(ptr elementtype([2 x ptr addrspace(1)]) %root)
  call void @esc(ptr %arr)
  call void @esc(ptr %root)
  call void asm sideeffect "", "~{rbx},~{r12},~{r13},~{r14},~{r15}"()
  call void @use(ptr addrspace(1) %m)
  ret void
}

; CHECK: <realigned_dynamic>
; CHECK: safe, refs [rbx+[[D:[0-9]+]]], roots | callq esc
; CHECK: safe, refs [rbx+[[D]]], roots | movq [[D]](%rbx), %rdi
; CHECK-NEXT: safe, refs rdi, roots | callq use
define void @realigned_dynamic(ptr addrspace(1) %a, i64 %k) {
  %arr = alloca [4 x i64], align 64
  %root = alloca [2 x ptr addrspace(1)], align 16, !stillpoint.roots !0
  %m = call ptr addrspace(1) asm "#stillpoint.ref", "=r,0"(ptr addrspace(1) %a)
  store ptr addrspace(1) null, ptr %root
  %r1 = getelementptr i8, ptr %root, i64 8
  store ptr addrspace(1) null, ptr %r1
  call void asm sideeffect "#stillpoint.roots", "*m,~{memory}"(ptr elementtype([2 x ptr addrspace(1)]) %root)
  %dyn = alloca i8, i64 %k
  call void @esc(ptr %dyn)
  call void @esc(ptr %arr)
  call void @esc(ptr %root)
  call void asm sideeffect "", "~{r12},~{r13},~{r14},~{r15}"()
  call void @use(ptr addrspace(1) %m)
  ret void
}

; CHECK: <dynamic>
; CHECK: safe, refs [cfa-[[C:[0-9]+]]], roots | callq esc
; CHECK: safe, refs rdi, roots | callq use
; CHECK: epilogue | popq
define void @dynamic(ptr addrspace(1) %a, i64 %k) {
  %root = alloca [2 x ptr addrspace(1)], align 16, !stillpoint.roots !0
  %m = call ptr addrspace(1) asm "#stillpoint.ref", "=r,0"(ptr addrspace(1) %a)
  store ptr addrspace(1) null, ptr %root
  %r1 = getelementptr i8, ptr %root, i64 8
  store ptr addrspace(1) null, ptr %r1
  call void asm sideeffect "#stillpoint.roots", "*m,~{memory}"(ptr elementtype([2 x ptr addrspace(1)]) %root)
  %dyn = alloca i8, i64 %k
  call void @esc(ptr %dyn)
  call void @esc(ptr %root)
  call void asm sideeffect "", "~{rbx},~{r12},~{r13},~{r14},~{r15}"()
  call void @use(ptr addrspace(1) %m)
  ret void
}

!0 = !{i64 0, i64 8}
