# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# The disassembly of a relocatable file and of what is linked from it: kinds, frames, marks where the state changes, names.
#
# RUN: llvm-mc -triple=x86_64-linux-gnu -filetype=obj -I %S/Inputs %s -o %t.o
# RUN: %sp-objdump %t.o | FileCheck %s --check-prefixes=CHECK,OBJ
# RUN: %lld -pie %t.o -o %t.pie
# RUN: %sp-objdump %t.pie | FileCheck %s --check-prefixes=CHECK,LINKED
# RUN: %lld -shared --gc-sections --export-dynamic %t.o -o %t.so
# RUN: %sp-objdump %t.so | FileCheck %s --check-prefixes=CHECK,LINKED
# RUN: %lld -static --no-pie %t.o -o %t.static
# RUN: %sp-objdump %t.static | FileCheck %s --check-prefixes=CHECK,LINKED
# RUN: %sp-objdump --check %t.o %t.pie %t.so %t.static

  .include "table.inc"

  .text
  .globl leaf
  .type leaf,@function
leaf:
.Lleaf: # a private label: a shared object may not refer to one that can be replaced
  leal 1(%rdi), %eax
.Lleaf_vector:
  addsd %xmm0, %xmm1
.Lleaf_return:
  retq
.Lleaf_end:
  .size leaf, .Lleaf_end - leaf

# CHECK: <leaf>:{{( in \.text)?$}}
# CHECK-NEXT: frame cfa=rsp+8, saves nothing; 8 bytes, 3 runs, 6 bytes of map
# CHECK-NEXT: {{^> [0-9a-f]+}} safe cfa=rsp+8 leal 0x1(%rdi), %eax{{$}}
# CHECK-NEXT: {{^> [0-9a-f]+}} safe cfa=rsp+8 vec addsd %xmm0, %xmm1{{$}}
# CHECK-NEXT: {{^ [0-9a-f]+}} safe cfa=rsp+8 vec retq{{$}}

  record .Lleaf, .text
  .byte 0, 1
  run .Lleaf, .Lleaf_vector, safe
  run .Lleaf_vector, .Lleaf_return, safe_vector
  run .Lleaf_return, .Lleaf_end, entry
  end_map

  .section .text._ZN2ns5outerEi,"axG",@progbits,_ZN2ns5outerEi,comdat
  .weak _ZN2ns5outerEi
  .type _ZN2ns5outerEi,@function
_ZN2ns5outerEi:
.Louter:
  pushq %rbp
  movq %rsp, %rbp
  pushq %r14
  pushq %rbx
  subq $16, %rsp
.Louter_body:
  callq leaf@PLT
.Louter_unsafe:
  nop
.Louter_pinned:
  nop
.Louter_live:
  nop
.Louter_epilogue:
  addq $16, %rsp
  popq %rbx
  popq %r14
  popq %rbp
.Louter_return:
  retq
.Louter_end:
  .size _ZN2ns5outerEi, .Louter_end - _ZN2ns5outerEi

# CHECK: <ns::outer(int)>:{{( in \.text\._ZN2ns5outerEi)?$}}
# CHECK-NEXT: frame cfa=rbp+16, saves rbp,r14,rbx; 28 bytes, 7 runs,
# CHECK-NEXT: {{^> [0-9a-f]+}} safe cfa=rsp+8 vec pushq %rbp{{$}}
# CHECK-NEXT: {{^> [0-9a-f]+}} safe cfa=rsp+16 vec movq %rsp, %rbp # saved rbp{{$}}
# CHECK-NEXT: {{^ [0-9a-f]+}} safe cfa=rsp+16 vec pushq %r14{{$}}
# CHECK-NEXT: {{^> [0-9a-f]+}} safe cfa=rsp+24 vec pushq %rbx # saved rbp,r14{{$}}
# CHECK-NEXT: {{^> [0-9a-f]+}} safe cfa=rsp+32 vec subq $0x10, %rsp{{$}}
# OBJ-NEXT: {{^> [0-9a-f]+}} safe cfa=rbp+16 callq {{.*}} <leaf>{{$}}
# LINKED-NEXT: {{^> [0-9a-f]+}} safe cfa=rbp+16 callq 0x{{[0-9a-f]+.*}}{{$}}
# CHECK-NEXT: {{^> [0-9a-f]+}} unsafe cfa=? nop{{$}}
# CHECK-NEXT: {{^> [0-9a-f]+}} pinned cfa=rbp+16 nop{{$}}
# CHECK-NEXT: {{^> [0-9a-f]+}} safe cfa=rsp+40 vec live=rax,rbp,flags,xmm0,xmm31,k1,st0 nop{{$}}
# CHECK-NEXT: {{^> [0-9a-f]+}} safe cfa=rbp+16 vec addq $0x10, %rsp{{$}}
# CHECK-NEXT: {{^> [0-9a-f]+}} safe cfa=rsp+32 vec popq %rbx{{$}}
# CHECK-NEXT: {{^> [0-9a-f]+}} safe cfa=rsp+24 vec popq %r14 # saved rbp,r14{{$}}
# CHECK-NEXT: {{^> [0-9a-f]+}} safe cfa=rsp+16 vec popq %rbp # saved rbp{{$}}
# CHECK-NEXT: {{^> [0-9a-f]+}} safe cfa=rsp+8 vec retq{{$}}

  .section stillpoint_records_v4,"aoG",@progbits,.text._ZN2ns5outerEi,_ZN2ns5outerEi,comdat
  .p2align 2
  .long .Louter - .
  .long .Lmap_outer - .
  .section stillpoint_maps_v4,"aoG",@progbits,.text._ZN2ns5outerEi,_ZN2ns5outerEi,comdat
.Lmap_outer:
  .byte 0x40 | 0x80 | 1 | 4 | 32 # RBP is the frame's; RBP, R14, RBX; an extension:
  .byte 2                        # own states
  .byte 2
  .byte 2                        # pinned, whole frame
  .byte 1 | 4 | 24 | 32, 5       # safe, vector, CFA = RSP + 40, live:
  .uleb128 0x10021
  .uleb128 0x80000001
  .uleb128 0x102
  run .Louter, .Louter_body, prologue
  run .Louter_body, .Louter_unsafe, safe
  run .Louter_unsafe, .Louter_pinned, unsafe
  run .Louter_pinned, .Louter_live, own_0
  run .Louter_live, .Louter_epilogue, escape
  .byte 1
  run .Louter_epilogue, .Louter_return, epilogue
  run .Louter_return, .Louter_end, entry
  end_map

  .text
  .globl _start
  .type _start,@function
_start: # foreign: not shown
  callq _ZN2ns5outerEi@PLT
  hlt
  .size _start, . - _start
# CHECK-NOT: _start
