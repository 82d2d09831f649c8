; Whole-object copies: early those whose type is known, at the head of code generation all of memory with references.
; RUN: opt -load-pass-plugin=%passes -passes=stillpoint-type-copies -S %s | FileCheck %s --check-prefix=EARLY
; RUN: opt -load-pass-plugin=%passes -passes=stillpoint-split -S %s | FileCheck %s
target datalayout = "e-m:e-p270:32:32-p271:32:32-p272:64:64-i64:64-i128:128-f80:128-n8:16:32:64-S128"
target triple = "x86_64-unknown-linux-gnu"

%triple = type { ptr addrspace(1), i64, ptr addrspace(1) }

; CHECK-LABEL: define void @small(
; CHECK: load ptr addrspace(1), ptr %from
; CHECK: store ptr addrspace(1)
; CHECK: memcpy{{.*}} i64 8, i1 false)
; CHECK: load ptr addrspace(1)
; CHECK: store ptr addrspace(1)
; CHECK-NEXT: ret void
; EARLY-LABEL: define void @small(
; EARLY: load ptr addrspace(1)
; EARLY-NOT: i64 24
; EARLY: ret void
define void @small(ptr %from) {
  %own = alloca %triple
  call void @llvm.memcpy.p0.p0.i64(ptr align 8 %own, ptr align 8 %from, i64 24, i1 false)
  ret void
}

; CHECK-LABEL: define void @moved(
; CHECK: call void @__stillpoint_copy_references(ptr %to, ptr %own, i64 16)
; EARLY-LABEL: define void @moved(
; EARLY: llvm.memmove
define void @moved() {
  %own = alloca [4 x ptr addrspace(1)]
  %to = getelementptr i8, ptr %own, i64 8
  call void @llvm.memmove.p0.p0.i64(ptr %to, ptr %own, i64 16, i1 false)
  ret void
}

; CHECK-LABEL: define void @large(
; CHECK: call void @__stillpoint_copy_references(ptr %to, ptr %own, i64 %n)
define void @large(ptr %to, i64 %n) {
  %own = alloca [100 x ptr addrspace(1)]
  call void @llvm.memcpy.p0.p0.i64(ptr %to, ptr %own, i64 %n, i1 false)
  ret void
}

; Known by its accesses only.
; CHECK-LABEL: define void @lost(
; CHECK: store ptr addrspace(1) %r, ptr %own
; CHECK: [[R:%.*]] = load ptr addrspace(1), ptr %own
; CHECK: store ptr addrspace(1) [[R]], ptr %to
define void @lost(ptr %to, ptr addrspace(1) %r) {
  %own = alloca [16 x i8]
  store ptr addrspace(1) %r, ptr %own
  call void @llvm.memcpy.p0.p0.i64(ptr %to, ptr %own, i64 16, i1 false)
  ret void
}

; CHECK-LABEL: define void @plain(
; CHECK-NEXT: %own = alloca [4 x i64]
; CHECK-NEXT: call void @llvm.memcpy.p0.p0.i64(ptr %own, ptr %from, i64 32, i1 false)
define void @plain(ptr %from) {
  %own = alloca [4 x i64]
  call void @llvm.memcpy.p0.p0.i64(ptr %own, ptr %from, i64 32, i1 false)
  ret void
}

; CHECK-LABEL: define void @aggregate(
; CHECK-NOT: load { ptr
; CHECK-NOT: store { ptr
; CHECK: ret void
define void @aggregate(ptr %p, ptr %q) {
  %v = load { ptr addrspace(1), [2 x ptr addrspace(1)], i32 }, ptr %p
  store { ptr addrspace(1), [2 x ptr addrspace(1)], i32 } %v, ptr %q
  ret void
}

; std::swap, as the vectoriser leaves it.
; CHECK-LABEL: define void @swap(
; CHECK-NEXT: load ptr addrspace(1), ptr %p, align 8
; CHECK-NEXT: getelementptr
; CHECK-NEXT: load ptr addrspace(1)
; CHECK-NOT: <2 x
; CHECK: ret void
define void @swap(ptr %p) {
  %v = load <2 x ptr addrspace(1)>, ptr %p, align 8
  %w = shufflevector <2 x ptr addrspace(1)> %v, <2 x ptr addrspace(1)> poison, <2 x i32> <i32 1, i32 0>
  store <2 x ptr addrspace(1)> %w, ptr %p, align 8
  ret void
}

; CHECK-LABEL: define <2 x i1> @vectors(
; CHECK-NOT: <2 x ptr addrspace(1)>
; CHECK: ret <2 x i1>
define <2 x i1> @vectors(ptr addrspace(1) %a, ptr addrspace(1) %b, i1 %c, i32 %n, ptr %p) {
entry:
  %v0 = insertelement <2 x ptr addrspace(1)> poison, ptr addrspace(1) %a, i32 0
  %v1 = insertelement <2 x ptr addrspace(1)> %v0, ptr addrspace(1) %b, i32 %n
  br i1 %c, label %loop, label %exit
loop:
  %x = phi <2 x ptr addrspace(1)> [ %v1, %entry ], [ %y, %loop ]
  %g = getelementptr i8, <2 x ptr addrspace(1)> %x, <2 x i64> <i64 8, i64 16>
  %s = select i1 %c, <2 x ptr addrspace(1)> %g, <2 x ptr addrspace(1)> zeroinitializer
  %y = freeze <2 x ptr addrspace(1)> %s
  %e = extractelement <2 x ptr addrspace(1)> %y, i32 %n
  store ptr addrspace(1) %e, ptr %p
  %d = icmp eq ptr addrspace(1) %e, null
  br i1 %d, label %loop, label %exit
exit:
  %z = phi <2 x ptr addrspace(1)> [ zeroinitializer, %entry ], [ %y, %loop ]
  %r = icmp eq <2 x ptr addrspace(1)> %z, zeroinitializer
  ret <2 x i1> %r
}
