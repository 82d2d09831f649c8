; A reference that an invoke returns begins to live on its normal edge: no keep for it goes before that, and none to its landing pad.
; RUN: opt -load-pass-plugin %passes -passes=stillpoint-keeps,stillpoint-markers,verify -S %s -o - | FileCheck %s
target triple = "x86_64-unknown-linux-gnu"

declare ptr addrspace(1) @make()
declare void @other()
declare i32 @__gxx_personality_v0(...)

; CHECK-LABEL: @walked(
; CHECK-NEXT: entry:
; CHECK-NEXT: %p = invoke ptr addrspace(1) @make()
; CHECK: pad:
; CHECK-NOT: keep
; CHECK: resume
; CHECK: out:
; CHECK-NEXT: stillpoint.keep
define i64 @walked(i64 %n) personality ptr @__gxx_personality_v0 {
entry:
  %p = invoke ptr addrspace(1) @make() to label %ok unwind label %pad
pad:
  %l = landingpad { ptr, i32 } cleanup
  resume { ptr, i32 } %l
ok:
  %raw = addrspacecast ptr addrspace(1) %p to ptr
  br label %loop
loop:
  %i = phi i64 [ 0, %ok ], [ %next, %loop ]
  %s = phi i64 [ 0, %ok ], [ %t, %loop ]
  %a = getelementptr inbounds i64, ptr %raw, i64 %i
  %v = load i64, ptr %a
  %t = add i64 %s, %v
  %next = add i64 %i, 1
  %more = icmp ult i64 %next, %n
  br i1 %more, label %loop, label %out
out:
  ret i64 %t
}

; A PHI of one value right where the invoke goes on.
; CHECK-LABEL: @renamed(
; CHECK: %p = invoke ptr addrspace(1) @make()
; CHECK: ok:
; CHECK-NEXT: %[[P:.*]] = call ptr addrspace(1) asm "#stillpoint.ref", "=r,0"(ptr addrspace(1) %p)
; CHECK: call void @other()
; CHECK: ret ptr addrspace(1) %[[P]]
define ptr addrspace(1) @renamed() personality ptr @__gxx_personality_v0 {
entry:
  %p = invoke ptr addrspace(1) @make() to label %ok unwind label %pad
ok:
  %q = phi ptr addrspace(1) [ %p, %entry ]
  call void @other()
  ret ptr addrspace(1) %q
pad:
  %l = landingpad { ptr, i32 } cleanup
  resume { ptr, i32 } %l
}
