; Stack objects with references become roots: null on entry, in the marker, with the offsets of their references, without lifetime markers.
; RUN: opt -load-pass-plugin=%passes -passes=stillpoint-stack-roots -S %s | FileCheck %s
target datalayout = "e-m:e-p270:32:32-p271:32:32-p272:64:64-i64:64-i128:128-f80:128-n8:16:32:64-S128"
target triple = "x86_64-unknown-linux-gnu"

%pair = type { ptr addrspace(1), i64, ptr addrspace(1) }
%union.any = type { i64 }
%"class.std::variant" = type { %union.any, i8 }
%"class.std::__cxx11::basic_string" = type { ptr, i64, %union.anon }
%union.anon = type { i64, [8 x i8] }

declare void @use(ptr)
declare void @fill(ptr sret(%pair))
declare void @take(ptr byval(%pair) align 8)

; CHECK-LABEL: define void @by_type(
; CHECK-NEXT: %p = alloca %pair, align 8, !stillpoint.roots [[PAIR:![0-9]+]]
; CHECK-NEXT: store ptr addrspace(1) null, ptr %p, align 8
; CHECK-NEXT: [[SECOND:%.*]] = getelementptr inbounds i8, ptr %p, i64 16
; CHECK-NEXT: store ptr addrspace(1) null, ptr [[SECOND]], align 8
; CHECK-NEXT: call void asm sideeffect "#stillpoint.roots", "*m,~{memory}"(ptr elementtype(%pair) %p)
; CHECK-NEXT: call void @use(ptr %p)
; CHECK-NEXT: store ptr addrspace(1) null, ptr %p
; CHECK: store ptr addrspace(1) null
; CHECK-NEXT: ret void
define void @by_type() {
  %p = alloca %pair
  call void @llvm.lifetime.start.p0(ptr %p)
  call void @use(ptr %p)
  call void @llvm.lifetime.end.p0(ptr %p)
  ret void
}

; A union shows one of its members only; strings' unions are left alone.
; CHECK-LABEL: define void @hidden(
; CHECK-NEXT: %v = alloca %"class.std::variant", align 8, !stillpoint.roots [[FIRST:![0-9]+]]
; CHECK-NOT: !stillpoint.roots
; CHECK: ret void
define void @hidden() {
  %v = alloca %"class.std::variant"
  %s = alloca %"class.std::__cxx11::basic_string"
  call void @use(ptr %v)
  call void @use(ptr %s)
  ret void
}

; The type is lost, the accesses are not: behind a PHI, at a variable index, in another object's copy.
; CHECK-LABEL: define void @by_access(
; CHECK-DAG: %bytes = alloca [32 x i8], align 8, !stillpoint.roots [[ODD:![0-9]+]]
; CHECK-DAG: %copy = alloca [16 x i8], align 8, !stillpoint.roots [[COPY:![0-9]+]]
; CHECK: "*m,*m,~{memory}"
define void @by_access(ptr addrspace(1) %r, i64 %i, i1 %c) {
  %bytes = alloca [32 x i8]
  %copy = alloca [16 x i8]
  %at = getelementptr i8, ptr %bytes, i64 8
  br i1 %c, label %a, label %b
a:
  br label %b
b:
  %p = phi ptr [ %at, %a ], [ %at, %0 ]
  %q = getelementptr { ptr, ptr }, ptr %p, i64 %i
  store ptr addrspace(1) %r, ptr %q
  call void @llvm.memcpy.p0.p0.i64(ptr %copy, ptr %bytes, i64 16, i1 false)
  ret void
}

; CHECK-LABEL: define void @by_argument(
; CHECK-NEXT: %out = alloca [24 x i8], align 8, !stillpoint.roots [[PAIR]]
define void @by_argument() {
  %out = alloca [24 x i8]
  call void @fill(ptr sret(%pair) %out)
  ret void
}

; CHECK-LABEL: define void @many(
; CHECK-NEXT: %a = alloca [100 x ptr addrspace(1)], align 8, !stillpoint.roots
; CHECK: call void @llvm.memset.p0.i64(ptr align 8 %{{.*}}, i8 0, i64 800, i1 false)
; CHECK-NEXT: call void asm
define void @many() {
  %a = alloca [100 x ptr addrspace(1)]
  call void @use(ptr %a)
  ret void
}

; References that arrive in memory are moved to a root first; until then the function is left alone.
; CHECK-LABEL: define void @arrives(
; CHECK-SAME: #[[ENTRY:[0-9]+]]
; CHECK-NEXT: [[OWN:%.*]] = alloca %pair, align 8, !stillpoint.roots [[PAIR]]
; CHECK-NEXT: call void @llvm.memcpy.p0.p0.i64(ptr align 8 [[OWN]], ptr align 8 %p, i64 24, i1 false)
; CHECK-NEXT: call void asm sideeffect "#stillpoint.roots"
; CHECK-NEXT: call void @use(ptr [[OWN]])
define void @arrives(ptr byval(%pair) align 8 %p) {
  call void @use(ptr %p)
  ret void
}

; Those that leave so leave from a root: somebody else may change the original while it is copied.
; CHECK-LABEL: define void @leaves(
; CHECK: [[OWN:%.*]] = alloca %pair, align 8, !stillpoint.roots [[PAIR]]
; CHECK: call void asm sideeffect "#stillpoint.roots"
; CHECK-NEXT: [[R:%.*]] = load ptr addrspace(1), ptr %p, align 8
; CHECK-NEXT: store ptr addrspace(1) [[R]], ptr [[OWN]], align 8
; CHECK: call void @take(ptr byval(%pair) align 8 [[OWN]])
define void @leaves(ptr %p) {
  call void @take(ptr byval(%pair) align 8 %p)
  ret void
}

; CHECK-LABEL: define void @plain(
; CHECK-NEXT: %x = alloca i64, align 8{{$}}
; CHECK-NEXT: call void @llvm.lifetime.start.p0(ptr %x)
define void @plain() {
  %x = alloca i64
  call void @llvm.lifetime.start.p0(ptr %x)
  call void @use(ptr %x)
  call void @llvm.lifetime.end.p0(ptr %x)
  ret void
}

; CHECK: attributes #[[ENTRY]] = {{.*}}"stillpoint-entry-unsafe"
; CHECK-DAG: [[PAIR]] = !{i64 0, i64 16}
; CHECK-DAG: [[FIRST]] = !{i64 0}
; CHECK-DAG: [[ODD]] = !{i64 8, i64 24}
; CHECK-DAG: [[COPY]] = !{i64 8}
