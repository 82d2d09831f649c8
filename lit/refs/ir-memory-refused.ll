; What has no place that the tables can name is an error.
; RUN: split-file %s %t
; RUN: not opt -load-pass-plugin=%passes -passes=stillpoint-stack-roots -disable-output %t/dynamic.ll 2>&1 | FileCheck %t/dynamic.ll
; RUN: not opt -load-pass-plugin=%passes -passes=stillpoint-stack-roots -disable-output %t/packed.ll 2>&1 | FileCheck %t/packed.ll
; RUN: not opt -load-pass-plugin=%passes -passes=stillpoint-stack-roots -disable-output %t/safestack.ll 2>&1 | FileCheck %t/safestack.ll
; RUN: not opt -load-pass-plugin=%passes -passes=stillpoint-global-roots -disable-output %t/thread.ll 2>&1 | FileCheck %t/thread.ll
; RUN: not opt -load-pass-plugin=%passes -passes=stillpoint-split -disable-output %t/vector.ll 2>&1 | FileCheck %t/vector.ll

;--- dynamic.ll
; CHECK: error: {{.*}}in function dynamic {{.*}}: a stack object of variable size or place cannot hold references to the collected heap
declare void @use(ptr)
define void @dynamic(i64 %n) {
  %a = alloca ptr addrspace(1), i64 %n
  call void @use(ptr %a)
  ret void
}
;--- packed.ll
; CHECK: error: {{.*}}in function packed {{.*}}: a reference to the collected heap has to be aligned to 8 bytes
declare void @use(ptr)
define void @packed() {
  %a = alloca <{ i8, ptr addrspace(1) }>
  call void @use(ptr %a)
  ret void
}
;--- safestack.ll
; CHECK: error: {{.*}}in function safe {{.*}}: references to the collected heap cannot be used together with -fsanitize=safe-stack
declare void @use(ptr)
define void @safe() safestack {
  %a = alloca ptr addrspace(1)
  call void @use(ptr %a)
  ret void
}
;--- thread.ll
; CHECK: error: 'mine' is thread_local and holds references to the collected heap, which the collector cannot find there
@mine = thread_local global { i64, ptr addrspace(1) } zeroinitializer
;--- vector.ll
; CHECK: error: {{.*}}in function give {{.*}}: a vector of references to the collected heap cannot be used like this
define <2 x ptr addrspace(1)> @give(ptr %p) {
  %v = load <2 x ptr addrspace(1)>, ptr %p
  ret <2 x ptr addrspace(1)> %v
}
