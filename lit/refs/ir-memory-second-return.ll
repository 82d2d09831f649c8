; Every reference that is there at a call of setjmp is in a root from then on: behind the second return it is live again, and the flow does not say so.
; RUN: llc -load %plugin -O2 %s -o %t.s && %python %S/Inputs/machine-states.py %t.s | FileCheck %s
target triple = "x86_64-unknown-linux-gnu"

declare i32 @setjmp(ptr) returns_twice
declare void @work()
declare void @use(ptr addrspace(1))
@place = external global [200 x i8]

; CHECK: <twice>
; CHECK: unsafe, callees may stop{{.*}}roots | callq setjmp
; CHECK: unsafe, callees may stop{{.*}}roots | callq work
; CHECK: <once>
; CHECK-NOT: roots
define void @twice(ptr addrspace(1) %a) {
  %r = call i32 @setjmp(ptr @place) returns_twice
  %first = icmp eq i32 %r, 0
  br i1 %first, label %go, label %back
go:
  call void @work()
  ret void
back:
  call void @use(ptr addrspace(1) %a)
  ret void
}

define void @once(ptr addrspace(1) %a) {
  call void @work()
  call void @use(ptr addrspace(1) %a)
  ret void
}
