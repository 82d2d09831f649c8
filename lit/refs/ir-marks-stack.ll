; Members in stack objects: the base goes into a shadow with the pointer, and comes out with it.
; RUN: opt -load-pass-plugin %passes -passes=stillpoint-keeps -S %s -o - | FileCheck %s
target triple = "x86_64-unknown-linux-gnu"

declare void @use(ptr)
declare void @fill(ptr, ptr)

; CHECK-LABEL: @stored(
; CHECK: %[[S:.*]] = alloca [2 x ptr addrspace(1)]
; CHECK: %[[AT:.*]] = getelementptr inbounds ptr addrspace(1), ptr %[[S]], i64 1
; CHECK-NEXT: store ptr addrspace(1) %p, ptr %[[AT]]
; CHECK-NEXT: store ptr %raw, ptr %f
; CHECK: %[[BASE:.*]] = load ptr addrspace(1), ptr
; CHECK-NEXT: %q = load ptr, ptr %f
; CHECK: load i64, ptr %q
; CHECK-NEXT: stillpoint.keep{{.*}}%[[BASE]]
define i64 @stored(ptr addrspace(1) %p) {
  %object = alloca { i64, ptr }
  %f = getelementptr i8, ptr %object, i64 8
  %raw = addrspacecast ptr addrspace(1) %p to ptr
  store ptr %raw, ptr %f
  call void @use(ptr %object)
  %q = load ptr, ptr %f
  %v = load i64, ptr %q
  ret i64 %v
}

; An index known at run time only.
; CHECK-LABEL: @indexed(
; CHECK: %[[A:.*]] = alloca [8 x ptr addrspace(1)]
; CHECK: ptrtoint
; CHECK: and i64 %{{.*}}, -8
; CHECK: store ptr addrspace(1) %p
; CHECK: store ptr %raw
define void @indexed(ptr addrspace(1) %p, i64 %i) {
  %object = alloca [8 x ptr]
  %e = getelementptr inbounds ptr, ptr %object, i64 %i
  %raw = addrspacecast ptr addrspace(1) %p to ptr
  store ptr %raw, ptr %e
  call void @use(ptr %object)
  ret void
}

; A copy copies, and a call that may have put it there has a word of its own.
; CHECK-LABEL: @copied(
; CHECK-DAG: alloca [2 x ptr addrspace(1)]
; CHECK-DAG: %[[WORD:.*]] = alloca ptr addrspace(1)
; CHECK: store ptr addrspace(1) %p, ptr %[[WORD]]
; CHECK-NEXT: call void @fill
; CHECK: load ptr addrspace(1), ptr
; CHECK: load ptr addrspace(1), ptr
; CHECK: store ptr addrspace(1)
; CHECK: store ptr addrspace(1)
; CHECK-NEXT: call void @llvm.memcpy
define void @copied(ptr addrspace(1) %p) {
  %a = alloca [2 x ptr]
  %b = alloca [2 x ptr]
  %raw = addrspacecast ptr addrspace(1) %p to ptr
  call void @fill(ptr %a, ptr %raw)
  call void @llvm.memcpy.p0.p0.i64(ptr %b, ptr %a, i64 16, i1 false)
  call void @use(ptr %b)
  ret void
}

; No members, no shadow.
; CHECK-LABEL: @plain(
; CHECK: alloca ptr
; CHECK-NOT: addrspace(1)
; CHECK: ret void
define void @plain(ptr addrspace(1) %p, ptr %q) {
  %a = alloca ptr
  store ptr %q, ptr %a
  call void @use(ptr %a)
  ret void
}
