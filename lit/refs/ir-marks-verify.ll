; The verifier names the function and the instruction, one finding a run (opt ends at the first error).
; RUN: llvm-extract -func=undef_argument %s -o %t.bc && not opt -load-pass-plugin %passes -passes=stillpoint-verify -disable-output %t.bc 2>&1 | FileCheck %s --check-prefix=UNDEF-ARGUMENT
; RUN: llvm-extract -func=from_integer %s -o %t.bc && not opt -load-pass-plugin %passes -passes=stillpoint-verify -disable-output %t.bc 2>&1 | FileCheck %s --check-prefix=FROM-INTEGER
; RUN: llvm-extract -func=in_vector %s -o %t.bc && not opt -load-pass-plugin %passes -passes=stillpoint-verify -disable-output %t.bc 2>&1 | FileCheck %s --check-prefix=IN-VECTOR
; RUN: llvm-extract -func=aggregate %s -o %t.bc && not opt -load-pass-plugin %passes -passes=stillpoint-verify -disable-output %t.bc 2>&1 | FileCheck %s --check-prefix=AGGREGATE
; RUN: llvm-extract -func=stack_object %s -o %t.bc && not opt -load-pass-plugin %passes -passes=stillpoint-verify -disable-output %t.bc 2>&1 | FileCheck %s --check-prefix=STACK-OBJECT
; RUN: llvm-extract -func=copied %s -o %t.bc && not opt -load-pass-plugin %passes -passes=stillpoint-verify -disable-output %t.bc 2>&1 | FileCheck %s --check-prefix=COPIED
; RUN: llvm-extract -func=no_barrier %s -o %t.bc && not opt -load-pass-plugin %passes -passes=stillpoint-verify -disable-output %t.bc 2>&1 | FileCheck %s --check-prefix=NO-BARRIER
; RUN: llvm-extract -func=dropped %s -o %t.bc && not opt -load-pass-plugin %passes -passes=stillpoint-verify -disable-output %t.bc 2>&1 | FileCheck %s --check-prefix=DROPPED
; RUN: llvm-extract -func=with_barrier %s -o %t.bc && opt -load-pass-plugin %passes -passes=stillpoint-verify -disable-output %t.bc
; RUN: llvm-extract -func=null_store %s -o %t.bc && opt -load-pass-plugin %passes -passes=stillpoint-verify -disable-output %t.bc
target triple = "x86_64-unknown-linux-gnu"
@flag = global i8 0, section "stillpoint_marking_v4"

declare void @take(ptr addrspace(1))
declare void @raw(ptr)

; UNDEF-ARGUMENT: undef_argument{{.*}}undefined reference: call void @take(ptr addrspace(1) undef)
define void @undef_argument() {
  call void @take(ptr addrspace(1) undef)
  ret void
}
; FROM-INTEGER: from_integer{{.*}}reference from an integer: %p = inttoptr
define void @from_integer(i64 %i) {
  %p = inttoptr i64 %i to ptr addrspace(1)
  call void @take(ptr addrspace(1) %p)
  ret void
}
; IN-VECTOR: in_vector{{.*}}references in a vector: %v = load
define void @in_vector(ptr %x) {
  %v = load <2 x ptr addrspace(1)>, ptr %x
  ret void
}
; AGGREGATE: aggregate{{.*}}aggregate with references in memory: %v = load
define void @aggregate(ptr %x) {
  %v = load { ptr addrspace(1), i64 }, ptr %x
  ret void
}
; STACK-OBJECT: stack_object{{.*}}stack object with references is no root: %o = alloca
define void @stack_object(ptr %x) {
  %o = alloca { ptr addrspace(1), i64 }
  call void @llvm.memcpy.p0.p0.i64(ptr %o, ptr %x, i64 16, i1 false)
  ret void
}
; COPIED: copied{{.*}}copy of memory with references: call void @llvm.memcpy
define void @copied(ptr %x) {
  %o = alloca { ptr addrspace(1), i64 }, !stillpoint.roots !0
  call void @llvm.memcpy.p0.p0.i64(ptr %o, ptr %x, i64 16, i1 false)
  ret void
}
; NO-BARRIER: no_barrier{{.*}}store of a reference without a barrier: store ptr addrspace(1) %p
define void @no_barrier(ptr %x, ptr addrspace(1) %p) {
  store ptr addrspace(1) %p, ptr %x
  ret void
}
define void @with_barrier(ptr %x, ptr addrspace(1) %p) {
  store ptr addrspace(1) %p, ptr %x
  %f = load volatile i8, ptr @flag
  ret void
}
define void @null_store(ptr %x) {
  store ptr addrspace(1) null, ptr %x
  ret void
}
; DROPPED: dropped{{.*}}musttail call drops the reference behind an argument: musttail call void @raw
define void @dropped(ptr %x) {
  %p = load ptr addrspace(1), ptr %x
  %self = addrspacecast ptr addrspace(1) %p to ptr
  musttail call void @raw(ptr %self)
  ret void
}
!0 = !{i64 0}
