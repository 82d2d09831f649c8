; What cannot be described is unsafe, and so are callees: a function passed references in memory up to its RootsMarker, and one that says so.
; RUN: llc -load %plugin -O2 %s -o %t.s && %python %S/Inputs/machine-states.py %t.s | FileCheck %s
target triple = "x86_64-unknown-linux-gnu"

declare void @use(ptr addrspace(1))
declare void @ext(i64)
declare void @esc(ptr)

; CHECK: <entryunsafe>
; CHECK-NEXT: unsafe | subq
; CHECK: unsafe | movaps %xmm0, (%rsp)
; CHECK: roots | movq %rsp, %rdi
; CHECK-NEXT: safe, roots | callq esc
; CHECK-NEXT: safe, roots | addq
; CHECK-NEXT: entry | retq
define void @entryunsafe(ptr byval([3 x ptr addrspace(1)]) %in) "stillpoint-entry-unsafe" {
  %root = alloca [2 x ptr addrspace(1)], align 16, !stillpoint.roots !0
  store ptr addrspace(1) null, ptr %root
  %r1 = getelementptr i8, ptr %root, i64 8
  store ptr addrspace(1) null, ptr %r1
  call void asm sideeffect "#stillpoint.roots", "*m,~{memory}"(ptr elementtype([2 x ptr addrspace(1)]) %root)
  call void @esc(ptr %root)
  ret void
}

; CHECK: <undescribed>
; CHECK-NOT: safe, 
; CHECK: unsafe | callq use
; CHECK: unsafe | callq ext
; CHECK: unsafe | retq
define void @undescribed(ptr addrspace(1) %a) "stillpoint-undescribed" {
  %m = call ptr addrspace(1) asm "#stillpoint.ref", "=r,0"(ptr addrspace(1) %a)
  call void @use(ptr addrspace(1) %m)
  call void @ext(i64 1)
  ret void
}

!0 = !{i64 0, i64 8}
