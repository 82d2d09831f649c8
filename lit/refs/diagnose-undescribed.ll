; Where no table could name the references that live across a call, a collection would have to end the program: an error, when compiling.
; RUN: split-file %s %t
; RUN: not llc -load %plugin -O2 %t/callbr.ll -o /dev/null 2>&1 | FileCheck %t/callbr.ll
; RUN: not opt -load-pass-plugin %passes -passes=stillpoint-markers -disable-output %t/vector.ll 2>&1 | FileCheck %t/vector.ll
; RUN: not llc -load %plugin -O2 %t/demoted.ll -o /dev/null 2>&1 | FileCheck %t/demoted.ll
; RUN: not llc -load %plugin -O2 %t/preserved.ll -o /dev/null 2>&1 | FileCheck %t/preserved.ll
; RUN: not llc -load %plugin -O2 %t/moved.ll -o /dev/null 2>&1 | FileCheck %t/moved.ll
; RUN: llc -load %plugin -O2 %t/fine.ll -o /dev/null

;--- callbr.ll
; CHECK: error: {{.*}}in function jumps {{.*}}: a reference to the collected heap cannot come out of an 'asm goto'
target triple = "x86_64-unknown-linux-gnu"
declare void @use(ptr addrspace(1))
define void @jumps() {
  %p = callbr ptr addrspace(1) asm "", "=r,!i"() to label %on [label %off]
on:
  call void @use(ptr addrspace(1) %p)
  ret void
off:
  ret void
}
;--- vector.ll
; Left over: the passes before take vectors apart.
; CHECK: error: {{.*}}in function vector {{.*}}: a vector of references to the collected heap cannot be used like this
define void @vector(ptr %x, ptr %y) {
  %v = load <2 x ptr addrspace(1)>, ptr %x
  store <2 x ptr addrspace(1)> %v, ptr %y
  ret void
}
;--- demoted.ll
; CHECK: error: {{.*}}in function many {{.*}}: references are handed on in memory that the code generator made for itself
target triple = "x86_64-unknown-linux-gnu"
declare [5 x ptr addrspace(1)] @five()
declare void @use(ptr addrspace(1), ptr addrspace(1))
define void @many() {
  %all = call [5 x ptr addrspace(1)] @five()
  %a = extractvalue [5 x ptr addrspace(1)] %all, 0
  %b = extractvalue [5 x ptr addrspace(1)] %all, 4
  call void @use(ptr addrspace(1) %a, ptr addrspace(1) %b)
  ret void
}
;--- preserved.ll
; CHECK: error: {{.*}}in function across {{.*}}: references live across a call in registers that only its convention preserves
target triple = "x86_64-unknown-linux-gnu"
declare void @use(ptr addrspace(1))
declare preserve_mostcc void @preserving(ptr addrspace(1))
define void @across(ptr addrspace(1) %a, ptr addrspace(1) %b) {
  call preserve_mostcc void @preserving(ptr addrspace(1) %a)
  call void @use(ptr addrspace(1) %b)
  ret void
}
;--- moved.ll
; CHECK: error: {{.*}}in function moves {{.*}}: references live across a call in a frame that cannot be described there
target triple = "x86_64-unknown-linux-gnu"
declare void @use(ptr addrspace(1))
declare ptr addrspace(1) @make()
define ghccc void @moves(ptr addrspace(1) %a) {
  %p = call ptr addrspace(1) @make()
  %q = call ptr addrspace(1) @make()
  call void @use(ptr addrspace(1) %p)
  call void @use(ptr addrspace(1) %q)
  ret void
}
;--- fine.ll
; Nothing lives across the call, or nobody comes back from it.
target triple = "x86_64-unknown-linux-gnu"
declare void @use(ptr addrspace(1))
declare preserve_mostcc void @preserving(ptr addrspace(1))
define void @handed_on(ptr addrspace(1) %a) {
  call preserve_mostcc void @preserving(ptr addrspace(1) %a)
  ret void
}
define void @tail(ptr addrspace(1) %a) {
  tail call void @use(ptr addrspace(1) %a)
  ret void
}
