; Members of several turns of a loop, moved about by calls: the object's own words become roots, and so does a copy of them in front of each such call.
; RUN: opt -load-pass-plugin %passes -passes=stillpoint-keeps -S %s -o - | FileCheck %s
; RUN: opt -load-pass-plugin %passes -passes='function(stillpoint-keeps),stillpoint-stack-roots' -S %s -o - | FileCheck %s --check-prefix=ROOTS
target triple = "x86_64-unknown-linux-gnu"

declare ptr addrspace(1) @make()
declare void @move(ptr)
declare void @put(ptr, ptr)
declare void @swap(ptr, ptr)
declare void @look(ptr nocapture readonly)

; The array is permuted between the stores.
; CHECK-LABEL: @permuted(
; CHECK: %[[HELD:.*]] = alloca [2 x ptr addrspace(1)]
; CHECK: %array = alloca [2 x ptr], align 8, !stillpoint.members
; CHECK: loop:
; CHECK: store ptr %raw, ptr %array
; CHECK: %[[A:.*]] = load ptr addrspace(1), ptr %array
; CHECK: store ptr addrspace(1) %[[A]], ptr %[[HELD]]
; CHECK: %[[B:.*]] = load ptr addrspace(1)
; CHECK: store ptr addrspace(1) %[[B]]
; CHECK-NEXT: call void @move
; What comes out stands for itself.
; CHECK: %q = load ptr
; CHECK-NEXT: %[[SELF:.*]] = addrspacecast ptr %q to ptr addrspace(1)
; CHECK: load i64, ptr %q
; CHECK-NEXT: stillpoint.keep{{.*}}%[[SELF]]
; ROOTS-LABEL: @permuted(
; ROOTS: %array = alloca [2 x ptr], align 8, !stillpoint.members !{{[0-9]+}}, !stillpoint.roots ![[BOTH:[0-9]+]]
define void @permuted() {
entry:
  %array = alloca [2 x ptr]
  br label %loop
loop:
  %p = call ptr addrspace(1) @make()
  %raw = addrspacecast ptr addrspace(1) %p to ptr
  store ptr %raw, ptr %array
  call void @move(ptr %array)
  %e = getelementptr i8, ptr %array, i64 8
  %q = load ptr, ptr %e
  %v = load i64, ptr %q
  %again = icmp eq i64 %v, 0
  br i1 %again, label %loop, label %done
done:
  ret void
}

; A call puts a member of each turn into it. Many words are copied by the runtime.
; CHECK-LABEL: @filled(
; CHECK: %array = alloca { i64, [9 x ptr] }, align 8, !stillpoint.members
; CHECK: loop:
; CHECK: store ptr addrspace(1) %p
; CHECK-NEXT: call void @__stillpoint_copy_references(ptr %array.held, ptr %array, i64 80)
; CHECK-NEXT: call void @put(
define void @filled() {
entry:
  %array = alloca { i64, [9 x ptr] }
  br label %loop
loop:
  %p = call ptr addrspace(1) @make()
  %raw = addrspacecast ptr addrspace(1) %p to ptr
  call void @put(ptr %array, ptr %raw)
  br label %loop
}

; Moved to another object, and then the first is filled anew.
; CHECK-LABEL: @refilled(
; CHECK-DAG: %a = alloca ptr, align 8, !stillpoint.members
; CHECK-DAG: %b = alloca ptr, align 8, !stillpoint.members
define void @refilled(ptr addrspace(1) %p, ptr addrspace(1) %q) {
  %a = alloca ptr
  %b = alloca ptr
  %raw = addrspacecast ptr addrspace(1) %p to ptr
  %other = addrspacecast ptr addrspace(1) %q to ptr
  store ptr %raw, ptr %a
  call void @swap(ptr %a, ptr %b)
  store ptr %other, ptr %a
  call void @look(ptr %b)
  ret void
}

; The optimiser's way to copy a structure of one pointer.
; CHECK-LABEL: @as_integer(
; CHECK: %array.bases = alloca
; CHECK: store ptr addrspace(1) %p, ptr
; CHECK: store i64 %word, ptr %e
define void @as_integer(ptr addrspace(1) %p, i64 %i) {
  %array = alloca [2 x ptr]
  %e = getelementptr ptr, ptr %array, i64 %i
  %raw = addrspacecast ptr addrspace(1) %p to ptr
  %word = ptrtoint ptr %raw to i64
  store i64 %word, ptr %e
  call void @look(ptr %array)
  ret void
}

; Nothing of this where a word is written once, the base is the same each time, the call only reads, or the object is text.
; CHECK-LABEL: @settled(
; CHECK-NOT: stillpoint.members
; CHECK-NOT: .held
; CHECK: ret void
define void @settled(ptr addrspace(1) %p) {
entry:
  %array = alloca [2 x ptr]
  %once = alloca [2 x ptr]
  %text = alloca [64 x i8]
  %raw = addrspacecast ptr addrspace(1) %p to ptr
  store ptr %raw, ptr %once
  call void @move(ptr %once)
  br label %loop
loop:
  %n = call ptr addrspace(1) @make()
  %member = addrspacecast ptr addrspace(1) %n to ptr
  store ptr %member, ptr %array
  call void @look(ptr %array)
  call void @put(ptr %text, ptr %member)
  call void @put(ptr %once, ptr %raw)
  %c = load i1, ptr %member
  br i1 %c, label %loop, label %done
done:
  ret void
}
; ROOTS-DAG: ![[BOTH]] = !{i64 0, i64 8}
