# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# stillpoint-verify finds frames and saved registers that are not where the table says, from the moves of the stack pointer alone: nothing here has
# unwinding tables. Each mistake is in a function of its own, the right one beside it.
#
# RUN: llvm-mc -triple=x86_64-linux-gnu -filetype=obj -I %S/../tools/Inputs %s -o %t.o
# RUN: %expect-findings %sp-verify %t.o | FileCheck %s --implicit-check-not=[frame] --implicit-check-not=[saved]
# RUN: %lld -shared %t.o -o %t.so
# RUN: %expect-findings %sp-verify %t.so | FileCheck %s --implicit-check-not=[frame] --implicit-check-not=[saved]
# RUN: %sp-verify --function=right %t.so | FileCheck %s --check-prefix=CLEAN
# CLEAN: 0 findings in 1 functions: 8 safe, 0 pinned and 0 unsafe points, 8 frames

  .include "table.inc"

.macro function name
  .text
  .globl \name
  .type \name,@function
\name:
.L\name:
.endm

.macro end_function name
.L\name\()_end:
  .size \name, .L\name\()_end - \name
.endm

# Body behind PUSH RBX and 16 bytes of room, with three points: a call, the room given back, and the rest.
.macro body name
  function \name
  pushq %rbx
  subq $16, %rsp
.L\name\()_body:
  movq %rdi, %rbx
  callq other
  leaq (%rbx,%rax), %rax
.L\name\()_epilogue:
  addq $16, %rsp
  popq %rbx
.L\name\()_return:
  retq
  end_function \name
.endm

  body right
  record .Lright, .text
  .byte 32, 4
  run .Lright, .Lright_body, prologue
  run .Lright_body, .Lright_epilogue, safe
  run .Lright_epilogue, .Lright_return, epilogue
  run .Lright_return, .Lright_end, entry
  end_map

# The body is said to be one word lower than it is.
  body deeper
# CHECK-DAG: deeper: cfa=rsp+40, but it is rsp+32 [frame]
# CHECK-DAG: deeper: cfa=rsp+40, but it is rsp+32 [frame]
# CHECK-DAG: deeper: cfa=rsp+40, but it is rsp+32 [frame]
# CHECK-DAG: deeper: cfa=rsp+40, but it is rsp+32 [frame]
  record .Ldeeper, .text
  .byte 32, 5
  run .Ldeeper, .Ldeeper_body, prologue
  run .Ldeeper_body, .Ldeeper_epilogue, safe
  run .Ldeeper_epilogue, .Ldeeper_return, epilogue
  run .Ldeeper_return, .Ldeeper_end, entry
  end_map

# RBX is said to be saved a word below where it is.
  body lower_slot
# CHECK-DAG: lower_slot: rbx is saved at cfa-24 according to the table, but the caller's value is not there [saved]
# CHECK-DAG: lower_slot: rbx is saved at cfa-24 according to the table, but the caller's value is not there [saved]
# CHECK-DAG: lower_slot: rbx is saved at cfa-24 according to the table, but the caller's value is not there [saved]
  record .Llower_slot, .text
  .byte 0x80 | 32, 1, 4, 3
  run .Llower_slot, .Llower_slot_body, unsafe
  run .Llower_slot_body, .Llower_slot_epilogue, safe
  run .Llower_slot_epilogue, .Llower_slot_end, unsafe
  end_map

# RBX is said not to be saved at all.
  body not_saved
# CHECK-DAG: not_saved: rbx is not saved according to the table, but does not hold the caller's value [saved]
# CHECK-DAG: not_saved: rbx is not saved according to the table, but does not hold the caller's value [saved]
  record .Lnot_saved, .text
  .byte 0, 4
  run .Lnot_saved, .Lnot_saved_body, unsafe
  run .Lnot_saved_body, .Lnot_saved_epilogue, safe
  run .Lnot_saved_epilogue, .Lnot_saved_end, unsafe
  end_map

# Safe before the frame is built.
  body early
# CHECK-DAG: early: cfa=rsp+32, but it is rsp+8 [frame]
# CHECK-DAG: early: rbx is saved at cfa-16 according to the table, but the caller's value is not there [saved]
# CHECK-DAG: early: cfa=rsp+32, but it is rsp+16 [frame]
  record .Learly, .text
  .byte 32, 4
  run .Learly, .Learly_epilogue, safe
  run .Learly_epilogue, .Learly_return, epilogue
  run .Learly_return, .Learly_end, entry
  end_map

# On one of two ways the stack pointer is a word lower.
  function two_ways
  testl %edi, %edi
  je .Ltwo_ways_join
  pushq %rax
.Ltwo_ways_join:
  movl %edi, %eax
  ud2
  end_function two_ways
# CHECK-DAG: two_ways: cfa=rsp+8, but how far rsp is from the CFA here is not the same on every way [frame]
# CHECK-DAG: two_ways: cfa=rsp+8, but how far rsp is from the CFA here is not the same on every way [frame]
  record .Ltwo_ways, .text
  .byte 0, 1
  run .Ltwo_ways, .Ltwo_ways_end, safe
  end_map
