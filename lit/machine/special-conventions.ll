; Conventions without an ordinary frame, or whose callees take their arguments off the stack, have no safe point; one that saves more
; registers than usual has explicit slots.
; REQUIRES: objdump
; RUN: llc -load %plugin -O2 -filetype=obj %s -o %t.o && %sp-objdump %t.o | FileCheck %s
target triple = "x86_64-unknown-linux-gnu"

declare void @other()
declare tailcc void @popping(i64, i64, i64, i64, i64, i64, i64, i64, i64)

; CHECK: <haskell>
; CHECK-NOT: {{ safe|pinned}}
; CHECK: <pops>
define ghccc void @haskell(i64 %a) {
  %b = add i64 %a, 1
  tail call ghccc void @haskell(i64 %b)
  ret void
}

; CHECK-NOT: {{ safe|pinned}}
; CHECK: <preserves>
define void @pops() {
  call tailcc void @popping(i64 1, i64 2, i64 3, i64 4, i64 5, i64 6, i64 7, i64 8, i64 9)
  ret void
}

; CHECK: safe {{.*}}callq {{.*}}<other>
; CHECK: <split>
define preserve_mostcc void @preserves() {
  call void @other()
  call void asm sideeffect "", "~{rbx},~{r12}"()
  ret void
}

; CHECK-NOT: {{ safe|pinned}}
define void @split() "split-stack" {
  call void @other()
  ret void
}
