; A call that no walk gets past is an error where references live across it, whatever the reason, and none where nothing lives across it.
; RUN: split-file %s %t
; RUN: not llc -load %plugin -O2 %t/odd-callee.ll -o /dev/null 2>&1 | FileCheck %s
; RUN: not llc -load %plugin -O2 %t/split.ll -o /dev/null 2>&1 | FileCheck %s
; RUN: not llc -load %plugin -O2 -mattr=+fsgsbase %t/segment.ll -o /dev/null 2>&1 | FileCheck %s
; RUN: llc -load %plugin -O2 %t/fine.ll -o /dev/null
; CHECK: error: {{.*}}in function across {{.*}}: references live across a call in a function that no table can describe

;--- odd-callee.ll
target triple = "x86_64-unknown-linux-gnu"
declare void @use(ptr addrspace(1))
declare void @ext()
declare tailcc void @popping(i64, i64, i64, i64, i64, i64, i64, i64, i64)
define void @across(ptr addrspace(1) %a) {
  %m = call ptr addrspace(1) asm "#stillpoint.ref", "=r,0"(ptr addrspace(1) %a)
  call void @ext()
  call void @use(ptr addrspace(1) %m)
  call tailcc void @popping(i64 1, i64 2, i64 3, i64 4, i64 5, i64 6, i64 7, i64 8, i64 9)
  ret void
}
;--- split.ll
target triple = "x86_64-unknown-linux-gnu"
declare void @use(ptr addrspace(1))
declare void @ext()
define void @across(ptr addrspace(1) %a) "split-stack" {
  %m = call ptr addrspace(1) asm "#stillpoint.ref", "=r,0"(ptr addrspace(1) %a)
  call void @ext()
  call void @use(ptr addrspace(1) %m)
  ret void
}
;--- segment.ll
target triple = "x86_64-unknown-linux-gnu"
declare void @use(ptr addrspace(1))
declare void @ext()
declare void @llvm.x86.wrfsbase.64(i64)
define void @across(ptr addrspace(1) %a, i64 %base) {
  %m = call ptr addrspace(1) asm "#stillpoint.ref", "=r,0"(ptr addrspace(1) %a)
  call void @llvm.x86.wrfsbase.64(i64 %base)
  call void @ext()
  call void @use(ptr addrspace(1) %m)
  ret void
}
;--- fine.ll
target triple = "x86_64-unknown-linux-gnu"
declare void @use(ptr addrspace(1))
declare void @ext()
define void @handed_on(ptr addrspace(1) %a) "split-stack" {
  %m = call ptr addrspace(1) asm "#stillpoint.ref", "=r,0"(ptr addrspace(1) %a)
  call void @use(ptr addrspace(1) %m)
  call void @ext()
  ret void
}
