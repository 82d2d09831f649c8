; A call that returns a reference, and may move a member from one stack object to another: what it may have taken out is kept, and not its result, which
; is not there yet.
; RUN: opt -load-pass-plugin %passes -passes=stillpoint-keeps -S %s -o - | FileCheck %s
target triple = "x86_64-unknown-linux-gnu"

; CHECK-LABEL: @moved(
; CHECK: store ptr addrspace(1) %p, ptr
; CHECK: store ptr %raw, ptr %a
; CHECK: %[[BASE:a.base.*]] = load ptr addrspace(1), ptr
; CHECK-NOT: store ptr addrspace(1) %r,
; CHECK: store ptr addrspace(1) %[[BASE]], ptr
; CHECK-NOT: store ptr addrspace(1) %r,
; CHECK: call ptr addrspace(1) @move(ptr %b, ptr %a)
define ptr addrspace(1) @moved(ptr addrspace(1) %p) {
  %a = alloca ptr
  %b = alloca ptr
  %raw = addrspacecast ptr addrspace(1) %p to ptr
  store ptr %raw, ptr %a
  %r = call ptr addrspace(1) @move(ptr %b, ptr %a)
  call void @use(ptr %b)
  ret ptr addrspace(1) %r
}

declare ptr addrspace(1) @move(ptr, ptr)
declare void @use(ptr)
