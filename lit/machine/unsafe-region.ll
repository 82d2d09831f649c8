; Regions nest, and where paths join the deepest counts.
; REQUIRES: objdump
; RUN: llc -load %plugin -O2 -filetype=obj %s -o %t.o && %sp-objdump --check %t.o && %sp-objdump %t.o | FileCheck %s
target triple = "x86_64-unknown-linux-gnu"

declare void @outside()
declare void @inside()
declare void @joined()

; CHECK: <nested>
; CHECK: safe {{.*}}callq {{.*}}<outside>
; CHECK: unsafe cfa={{.*}}callq {{.*}}<inside>
; CHECK: unsafe cfa={{.*}}callq {{.*}}<joined>
; CHECK: safe {{.*}}callq {{.*}}<outside>
; CHECK: <joins>
define void @nested() {
  call void @outside()
  call void asm sideeffect "#stillpoint.unsafe.begin", "~{memory}"()
  call void asm sideeffect "#stillpoint.unsafe.begin", "~{memory}"()
  call void @inside()
  call void asm sideeffect "#stillpoint.unsafe.end", "~{memory}"()
  call void @joined()
  call void asm sideeffect "#stillpoint.unsafe.end", "~{memory}"()
  call void @outside()
  ret void
}

; CHECK: unsafe cfa={{.*}}callq {{.*}}<joined>
define void @joins(i1 %c) {
  br i1 %c, label %enter, label %join
enter:
  call void asm sideeffect "#stillpoint.unsafe.begin", "~{memory}"()
  call void @inside()
  br label %join
join:
  call void @joined()
  ret void
}
