; Where bases are kept, and where not.
; RUN: opt -load-pass-plugin %passes -passes=stillpoint-keeps -S %s -o - | FileCheck %s
target triple = "x86_64-unknown-linux-gnu"

declare void @use(ptr)
declare ptr @inside(ptr)
declare void @take(ptr addrspace(1))
declare i32 @__gxx_personality_v0(...)

; A callee that gets a raw pointer: until it returns. This is also what keeps `self` from being a tail call.
; CHECK-LABEL: @self(
; CHECK: call void @use(ptr %raw)
; CHECK-NEXT: call void asm sideeffect "#stillpoint.keep", "r"(ptr addrspace(1) %p)
; CHECK-NEXT: ret void
define void @self(ptr addrspace(1) %p) {
  %raw = addrspacecast ptr addrspace(1) %p to ptr
  tail call void @use(ptr %raw)
  ret void
}

; A reference is the callee's business; so is one that is used later anyway.
; CHECK-LABEL: @handed(
; CHECK-NOT: stillpoint.keep
; CHECK-LABEL: @offsets(
define ptr addrspace(1) @handed(ptr addrspace(1) %p) {
  call void @take(ptr addrspace(1) %p)
  %raw = addrspacecast ptr addrspace(1) %p to ptr
  call void @use(ptr %raw)
  ret ptr addrspace(1) %p
}

; Arithmetic in bounds follows the base.
; CHECK-NOT: stillpoint.keep
; CHECK-LABEL: @split_index(
define i64 @offsets(ptr addrspace(1) %p, i64 %i) {
  %raw = addrspacecast ptr addrspace(1) %p to ptr
  %f = getelementptr inbounds i8, ptr %raw, i64 8
  %v = load i64, ptr %f
  %e = getelementptr inbounds [4 x i64], ptr %f, i64 %i, i64 1
  %w = load i64, ptr %e
  %s = add i64 %v, %w
  ret i64 %s
}

; An index with a constant in it, or one out of bounds: between two steps the address may be outside.
; CHECK: load i64
; CHECK-NEXT: stillpoint.keep
; CHECK-LABEL: @outside(
define i64 @split_index(ptr addrspace(1) %p, i64 %i) {
  %raw = addrspacecast ptr addrspace(1) %p to ptr
  %j = add i64 %i, -100
  %e = getelementptr inbounds i64, ptr %raw, i64 %j
  %w = load i64, ptr %e
  ret i64 %w
}

; CHECK: load i64
; CHECK-NEXT: stillpoint.keep
; CHECK-LABEL: @sum(
define i64 @outside(ptr addrspace(1) %p) {
  %raw = addrspacecast ptr addrspace(1) %p to ptr
  %e = getelementptr i64, ptr %raw, i64 -1
  %w = load i64, ptr %e
  ret i64 %w
}

; A loop over an object from outside: the keep stands behind the loop, not in it.
; CHECK: loop:
; CHECK-NOT: stillpoint.keep
; CHECK: exit:
; CHECK-NEXT: stillpoint.keep{{.*}}%p
; CHECK-LABEL: @forever(
define i64 @sum(ptr addrspace(1) %p, i64 %n) {
entry:
  %raw = addrspacecast ptr addrspace(1) %p to ptr
  br label %loop
loop:
  %i = phi i64 [ 0, %entry ], [ %i1, %loop ]
  %s = phi i64 [ 0, %entry ], [ %s1, %loop ]
  %e = getelementptr inbounds i64, ptr %raw, i64 %i
  %v = load i64, ptr %e
  %s1 = add i64 %s, %v
  %i1 = add i64 %i, 1
  %c = icmp eq i64 %i1, %n
  br i1 %c, label %exit, label %loop
exit:
  ret i64 %s1
}

; A loop without exit has it inside.
; CHECK: loop:
; CHECK: stillpoint.keep
; CHECK-LABEL: @walk(
define void @forever(ptr addrspace(1) %p) {
entry:
  %raw = addrspacecast ptr addrspace(1) %p to ptr
  br label %loop
loop:
  %q = phi ptr [ %raw, %entry ], [ %q1, %loop ]
  %v = load volatile i64, ptr %q
  %q1 = getelementptr i8, ptr %q, i64 %v
  br label %loop
}

; A list: every node is used in its own block.
; CHECK-NOT: stillpoint.keep
; CHECK-LABEL: @raw_walk(
define i64 @walk(ptr addrspace(1) %p) {
entry:
  br label %loop
loop:
  %n = phi ptr addrspace(1) [ %p, %entry ], [ %n1, %loop ]
  %s = phi i64 [ 0, %entry ], [ %s1, %loop ]
  %raw = addrspacecast ptr addrspace(1) %n to ptr
  %v = load i64, ptr %raw
  %s1 = add i64 %s, %v
  %f = getelementptr inbounds i8, ptr %raw, i64 8
  %n1 = load ptr addrspace(1), ptr %f
  %c = icmp eq ptr addrspace(1) %n1, null
  br i1 %c, label %exit, label %loop
exit:
  ret i64 %s1
}

; The same with a raw pointer, null at first: it only ever points into objects, so it becomes a reference itself.
; CHECK: %n.ref = phi ptr addrspace(1) [ %p, %entry ], [ null, %none ], [ {{.*}}, %next ]
; CHECK-NOT: stillpoint.keep
; CHECK-LABEL: @owned(
define i64 @raw_walk(ptr addrspace(1) %p, i1 %null) {
entry:
  %first = addrspacecast ptr addrspace(1) %p to ptr
  br i1 %null, label %none, label %loop
none:
  br label %loop
loop:
  %n = phi ptr [ %first, %entry ], [ null, %none ], [ %raw1, %next ]
  %z = icmp eq ptr %n, null
  br i1 %z, label %exit, label %next
next:
  %f = getelementptr inbounds i8, ptr %n, i64 8
  %n1 = load ptr addrspace(1), ptr %f
  %raw1 = addrspacecast ptr addrspace(1) %n1 to ptr
  br label %loop
exit:
  ret i64 0
}

; What an object owns may die with it.
; CHECK: load i64, ptr %data
; CHECK-NEXT: stillpoint.keep{{.*}}%p
; CHECK-LABEL: @returned(
define i64 @owned(ptr addrspace(1) %p) {
  %raw = addrspacecast ptr addrspace(1) %p to ptr
  %data = load ptr, ptr %raw
  %v = load i64, ptr %data
  ret i64 %v
}

; And so does what a call makes of a member.
; CHECK: call ptr @inside
; CHECK-NEXT: store i64 0
; CHECK-NEXT: stillpoint.keep{{.*}}%p
; CHECK-LABEL: @chosen(
define void @returned(ptr addrspace(1) %p) {
  %raw = addrspacecast ptr addrspace(1) %p to ptr
  %it = call ptr @inside(ptr %raw)
  store i64 0, ptr %it
  ret void
}

; One of two objects: a PHI over their bases.
; CHECK: join:
; CHECK-NEXT: %[[BASE:.*]] = phi ptr addrspace(1) [ %p1, %a ], [ %q1, %b ]
; CHECK: load i64, ptr %m
; CHECK-NEXT: stillpoint.keep{{.*}}%[[BASE]]
; CHECK-LABEL: @casts(
define i64 @chosen(i1 %c, ptr %x) {
entry:
  br i1 %c, label %a, label %b
a:
  %p1 = load ptr addrspace(1), ptr %x
  %p2 = addrspacecast ptr addrspace(1) %p1 to ptr
  %p3 = load ptr, ptr %p2
  br label %join
b:
  %y = getelementptr i8, ptr %x, i64 8
  %q1 = load ptr addrspace(1), ptr %y
  %q2 = addrspacecast ptr addrspace(1) %q1 to ptr
  %q3 = load ptr, ptr %q2
  br label %join
join:
  %m = phi ptr [ %p3, %a ], [ %q3, %b ]
  %v = load i64, ptr %m
  ret i64 %v
}

; By way of an integer.
; CHECK: load i64, ptr %back
; CHECK-NEXT: stillpoint.keep{{.*}}%p
; CHECK-LABEL: @hash(
define i64 @casts(ptr addrspace(1) %p) {
  %raw = addrspacecast ptr addrspace(1) %p to ptr
  %i = ptrtoint ptr %raw to i64
  %masked = and i64 %i, -64
  %back = inttoptr i64 %masked to ptr
  %v = load i64, ptr %back
  ret i64 %v
}

; An integer that never is a pointer again holds nothing.
; CHECK-NOT: stillpoint.keep
; CHECK-LABEL: @invoked(
define i64 @hash(ptr addrspace(1) %p) {
  %i = ptrtoint ptr addrspace(1) %p to i64
  %h = mul i64 %i, 25214903917
  ret i64 %h
}

; CHECK: invoke void @use
; CHECK: {{^}}[[NORMAL:.*]]: ; preds = %call
; CHECK-NEXT: stillpoint.keep{{.*}}%p
define i32 @invoked(ptr addrspace(1) %p, i1 %c) personality ptr @__gxx_personality_v0 {
entry:
  %raw = addrspacecast ptr addrspace(1) %p to ptr
  br i1 %c, label %call, label %done
call:
  invoke void @use(ptr %raw) to label %done unwind label %pad
done:
  %r = phi i32 [ 0, %entry ], [ 1, %call ]
  ret i32 %r
pad:
  %l = landingpad { ptr, i32 } cleanup
  resume { ptr, i32 } %l
}
