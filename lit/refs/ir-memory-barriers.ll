; A barrier behind every store of a reference to memory that is not looked at again when marking ends.
; RUN: opt -load-pass-plugin=%passes -passes=stillpoint-stack-roots,stillpoint-write-barriers -S %s | FileCheck %s
; RUN: llc -load %plugin -O2 -relocation-model=pic %s -o - | FileCheck %s --check-prefix=ASM
target datalayout = "e-m:e-p270:32:32-p271:32:32-p272:64:64-i64:64-i128:128-f80:128-n8:16:32:64-S128"
target triple = "x86_64-unknown-linux-gnu"

@root = global { i64, ptr addrspace(1) } zeroinitializer
@bytes = global [16 x i8] zeroinitializer
declare void @use(ptr)

; CHECK: @stillpoint.marking = private global i8 0, section "stillpoint_marking_v[[#V]]"

; CHECK-LABEL: define void @stores(
; CHECK-NEXT: store ptr addrspace(1) %r, ptr %p
; CHECK-NEXT: [[M:%.*]] = load volatile i8, ptr @stillpoint.marking
; CHECK-NEXT: [[C:%.*]] = icmp ne i8 [[M]], 0
; CHECK-NEXT: br i1 [[C]], label %[[COLD:.*]], label %[[ON:.*]], !prof
; CHECK: [[COLD]]:
; CHECK-NEXT: call preserve_mostcc void @__stillpoint_write_barrier(ptr addrspace(1) %r)
; CHECK: ret void
; ASM-LABEL: stores:
; ASM: movq %rsi, (%rdi)
; ASM-NEXT: cmpb $0, .L{{.*}}marking(%rip)
; ASM-NEXT: jne
; ASM: callq *__stillpoint_write_barrier@GOTPCREL(%rip)
define void @stores(ptr %p, ptr addrspace(1) %r) {
  store ptr addrspace(1) %r, ptr %p
  ret void
}

; CHECK-LABEL: define void @atomics(
; CHECK: atomicrmw xchg
; CHECK-NEXT: load volatile i8
; CHECK: cmpxchg
; CHECK-NEXT: load volatile i8
; CHECK: store atomic
; CHECK-NEXT: load volatile i8
define void @atomics(ptr %p, ptr addrspace(1) %r) {
  %x = atomicrmw xchg ptr %p, ptr addrspace(1) %r seq_cst
  %y = cmpxchg ptr %p, ptr addrspace(1) %x, ptr addrspace(1) %r seq_cst seq_cst
  store atomic ptr addrspace(1) %r, ptr %p release, align 8
  ret void
}

; CHECK-LABEL: define void @none(
; CHECK-NOT: load volatile
; CHECK: ret void
define void @none(ptr %p, ptr addrspace(1) %r, i1 %c) {
  %own = alloca ptr addrspace(1)
  %other = alloca [4 x ptr addrspace(1)]
  %either = select i1 %c, ptr %own, ptr %other
  call void @use(ptr %own)
  store ptr addrspace(1) null, ptr %p
  store ptr addrspace(1) %r, ptr %own
  store ptr addrspace(1) %r, ptr %either
  store ptr addrspace(1) %r, ptr getelementptr (i8, ptr @root, i64 8)
  ret void
}

; A variable whose type does not show the reference is no root for certain, and a pointer may be something else.
; CHECK-LABEL: define void @doubtful(
; CHECK: load volatile
; CHECK: load volatile
; CHECK: ret void
define void @doubtful(ptr %p, ptr addrspace(1) %r, i1 %c) {
  %own = alloca ptr addrspace(1)
  %either = select i1 %c, ptr %own, ptr %p
  store ptr addrspace(1) %r, ptr %either
  store ptr addrspace(1) %r, ptr @bytes
  ret void
}
