; Choices that hang on more references than are worth following stand for themselves; nothing is refused.
; RUN: opt -load-pass-plugin %passes -passes=stillpoint-keeps -S %s -o - | FileCheck %s
target triple = "x86_64-unknown-linux-gnu"

declare void @use(ptr)
declare void @fill(ptr, ptr)
declare ptr @pick(ptr, ptr)

; What comes out of a large object may be any of its words.
; CHECK-LABEL: @large(
; CHECK: store ptr addrspace(1) %p
; CHECK-NEXT: call void @fill
; CHECK: %q = call ptr @pick
; CHECK-NEXT: %[[SELF:.*]] = addrspacecast ptr %q to ptr addrspace(1)
; CHECK: load i64, ptr %q
; CHECK-NEXT: stillpoint.keep{{.*}}%[[SELF]]
define i64 @large(ptr addrspace(1) %p) {
  %object = alloca [100 x ptr]
  %raw = addrspacecast ptr addrspace(1) %p to ptr
  call void @fill(ptr %object, ptr %raw)
  %q = call ptr @pick(ptr %object, ptr null)
  %v = load i64, ptr %q
  ret i64 %v
}

; An object of variable size.
; CHECK-LABEL: @dynamic(
; CHECK: store ptr addrspace(1) %p
; CHECK: addrspacecast ptr %q to ptr addrspace(1)
define i64 @dynamic(ptr addrspace(1) %p, i64 %n) {
  %object = alloca ptr, i64 %n
  %e = getelementptr inbounds ptr, ptr %object, i64 %n
  %raw = addrspacecast ptr addrspace(1) %p to ptr
  store ptr %raw, ptr %e
  call void @use(ptr %object)
  %q = load ptr, ptr %object
  %v = load i64, ptr %q
  ret i64 %v
}

; One of all objects so far: more with every turn of the loop.
; CHECK-LABEL: @best(
; CHECK: %best = phi ptr
; CHECK: %[[BEST:.*]] = addrspacecast ptr %best to ptr addrspace(1)
; CHECK: call ptr @pick(ptr %best, ptr %raw)
; CHECK: stillpoint.keep{{.*}}%[[BEST]]
define ptr @best(ptr %list) {
entry:
  br label %loop
loop:
  %best = phi ptr [ null, %entry ], [ %next, %loop ]
  %p = load ptr addrspace(1), ptr %list
  %raw = addrspacecast ptr addrspace(1) %p to ptr
  %next = call ptr @pick(ptr %best, ptr %raw)
  %go = icmp ne ptr %next, null
  br i1 %go, label %loop, label %done
done:
  ret ptr %next
}

; What is put back where it came from would be lost with the word that it came from.
; CHECK-LABEL: @again(
; CHECK: load ptr addrspace(1)
; CHECK: %q = load ptr, ptr %object
; CHECK: %[[AGAIN:.*]] = addrspacecast ptr %q to ptr addrspace(1)
; CHECK: store ptr addrspace(1) %[[AGAIN]]
; CHECK: call void @fill(ptr %object, ptr %next)
define void @again(ptr %list) {
entry:
  %object = alloca ptr
  br label %loop
loop:
  %p = load ptr addrspace(1), ptr %list
  %raw = addrspacecast ptr addrspace(1) %p to ptr
  %q = load ptr, ptr %object
  %next = call ptr @pick(ptr %q, ptr %raw)
  call void @fill(ptr %object, ptr %next)
  %go = icmp ne ptr %next, null
  br i1 %go, label %loop, label %done
done:
  ret void
}

; CHECK-NOT: stillpoint-undescribed
