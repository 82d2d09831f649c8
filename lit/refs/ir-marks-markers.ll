; Every reference gets its marker, behind its definition and before its uses.
; RUN: opt -load-pass-plugin %passes -passes=stillpoint-null,stillpoint-markers -S %s -o - | FileCheck %s
target triple = "x86_64-unknown-linux-gnu"

declare ptr addrspace(1) @make()
declare { ptr addrspace(1), ptr addrspace(1) } @two()
declare void @take(ptr addrspace(1))
declare i32 @__gxx_personality_v0(...)

; CHECK-LABEL: @arguments(
; CHECK-NEXT: %slot = alloca
; CHECK-NEXT: %[[P:.*]] = call ptr addrspace(1) asm "#stillpoint.ref", "=r,0"(ptr addrspace(1) %p)
; CHECK-NEXT: store ptr addrspace(1) %[[P]]
; CHECK-NEXT: ret i64 %i
define i64 @arguments(ptr addrspace(1) %p, i64 %i) {
  %slot = alloca ptr addrspace(1)
  store ptr addrspace(1) %p, ptr %slot
  ret i64 %i
}

; Nothing is reached through what is only compared.
; CHECK-LABEL: @compared(
; CHECK-NOT: stillpoint.ref
; CHECK: ret
define i1 @compared(ptr %x) {
  %p = load ptr addrspace(1), ptr %x
  %c = icmp eq ptr addrspace(1) %p, null
  ret i1 %c
}

; Undefined is null, and freeze is nothing. A PHI needs no marker: what flows into it has one.
; CHECK-LABEL: @undefined(
; CHECK: %[[P:.*]] = call ptr addrspace(1) asm "#stillpoint.ref"{{.*}}%p)
; CHECK: %m = phi ptr addrspace(1) [ null, %entry ], [ %[[P]], %a ]
; CHECK-NEXT: call void @take(ptr addrspace(1) %m)
; CHECK-NEXT: call void @take(ptr addrspace(1) null)
; CHECK-NEXT: ret { ptr addrspace(1), i64 } zeroinitializer
define { ptr addrspace(1), i64 } @undefined(ptr addrspace(1) %p, i1 %c) {
entry:
  br i1 %c, label %a, label %b
a:
  br label %b
b:
  %m = phi ptr addrspace(1) [ undef, %entry ], [ %p, %a ]
  %f = freeze ptr addrspace(1) %m
  call void @take(ptr addrspace(1) %f)
  call void @take(ptr addrspace(1) poison)
  ret { ptr addrspace(1), i64 } undef
}

; Results in two registers are marked at once, the second one too.
; CHECK-LABEL: @pair(
; CHECK: %r = call { ptr addrspace(1), ptr addrspace(1) } @two()
; CHECK-COUNT-2: asm "#stillpoint.ref"
; CHECK: call void @take(ptr addrspace(1) null)
; CHECK: ret { ptr addrspace(1), ptr addrspace(1) }
define { ptr addrspace(1), ptr addrspace(1) } @pair() {
  %r = call { ptr addrspace(1), ptr addrspace(1) } @two()
  call void @take(ptr addrspace(1) null)
  ret { ptr addrspace(1), ptr addrspace(1) } %r
}

; A result that is returned by musttail has no place for a marker; a select has.
; CHECK-LABEL: @tail(
; CHECK: %r = musttail call ptr addrspace(1) @make()
; CHECK-NEXT: ret ptr addrspace(1) %r
define ptr addrspace(1) @tail() {
  %r = musttail call ptr addrspace(1) @make()
  ret ptr addrspace(1) %r
}

; CHECK-LABEL: @selected(
; CHECK: %s = select
; CHECK-NEXT: asm "#stillpoint.ref"{{.*}}%s
define ptr addrspace(1) @selected(i1 %c, ptr addrspace(1) %p) {
  %s = select i1 %c, ptr addrspace(1) %p, ptr addrspace(1) null
  ret ptr addrspace(1) %s
}

; Address arithmetic folds into the access; as a value of its own it is a reference.
; CHECK-LABEL: @arithmetic(
; CHECK: %a = getelementptr
; CHECK-NEXT: load i64, ptr addrspace(1) %a
; CHECK: %b = getelementptr
; CHECK-NEXT: asm "#stillpoint.ref"{{.*}}%b
define i64 @arithmetic(ptr addrspace(1) %p) {
  %a = getelementptr inbounds i8, ptr addrspace(1) %p, i64 8
  %v = load i64, ptr addrspace(1) %a
  %b = getelementptr inbounds i8, ptr addrspace(1) %p, i64 16
  call void @take(ptr addrspace(1) %b)
  ret i64 %v
}

; Invokes: on the normal edge, which is split if others come that way.
; CHECK-LABEL: @invoked(
; CHECK: %r = invoke ptr addrspace(1) @make()
; CHECK-NEXT: to label %[[SPLIT:.*]] unwind
; CHECK: {{^}}[[SPLIT]]:
; CHECK-NEXT: %[[R:.*]] = call ptr addrspace(1) asm "#stillpoint.ref"{{.*}}%r
; CHECK: phi ptr addrspace(1) [ null, %entry ], [ %[[R]], %[[SPLIT]] ]
define ptr addrspace(1) @invoked(i1 %c) personality ptr @__gxx_personality_v0 {
entry:
  br i1 %c, label %call, label %done
call:
  %r = invoke ptr addrspace(1) @make() to label %done unwind label %pad
done:
  %m = phi ptr addrspace(1) [ null, %entry ], [ %r, %call ]
  ret ptr addrspace(1) %m
pad:
  %l = landingpad { ptr, i32 } cleanup
  resume { ptr, i32 } %l
}
