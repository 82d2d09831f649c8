# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# --check finds tables that do not describe the code, each mistake in a function of its own.
#
# RUN: llvm-mc -triple=x86_64-linux-gnu -filetype=obj -I %S/Inputs %s -o %t.o
# RUN: not %sp-objdump --check %t.o 2>&1 | FileCheck %s --implicit-check-not=error:
# RUN: %lld -shared %t.o -o %t.so
# RUN: not %sp-objdump --check %t.so 2>&1 | FileCheck %s --implicit-check-not=error:
# RUN: %sp-objdump --check --function=right %t.so

  .include "table.inc"

.macro function name
  .text
  .globl \name
  .type \name,@function
\name:
.L\name:
  .cfi_startproc
.endm

.macro end_function name
.L\name\()_end:
  .cfi_endproc
  .size \name, .L\name\()_end - \name
.endm

  function right
  pushq %rbp
  .cfi_def_cfa_offset 16
  .cfi_offset %rbp, -16
  movq %rsp, %rbp
  .cfi_def_cfa_register %rbp
  pushq %r12
  .cfi_offset %r12, -24
.Lright_body:
  nop
.Lright_epilogue:
  popq %r12
  popq %rbp
  .cfi_def_cfa %rsp, 8
.Lright_return:
  retq
  end_function right
  record .Lright, .text
  .byte 0x40 | 1 | 16
  run .Lright, .Lright_body, prologue
  run .Lright_body, .Lright_epilogue, safe
  run .Lright_epilogue, .Lright_return, epilogue
  run .Lright_return, .Lright_end, entry
  end_map

  function inside
  movl $1, %eax
  retq
  end_function inside
# CHECK-DAG: error: {{.*}}inside (record {{[0-9]+}}): the run that begins at 0x{{[0-9a-f]+}} does not begin at an instruction
  record .Linside, .text
  .byte 0, 1
  run .Linside, .Linside + 2, unsafe
  run .Linside + 2, .Linside_end, safe
  end_map

  function short
  retq
  movl $1, %eax
  end_function short
# CHECK-DAG: error: {{.*}}short (record {{[0-9]+}}): the table covers 3 bytes, the function has 6
# CHECK-DAG: error: {{.*}}short (record {{[0-9]+}}): its end 0x{{[0-9a-f]+}} is inside an instruction that ends at 0x{{[0-9a-f]+}}
  record .Lshort, .text
  .byte 0, 1
  run .Lshort, .Lshort + 3, safe
  end_map

  function garbage
  .byte 0x06 # no instruction in 64-bit mode
  retq
  end_function garbage
# CHECK-DAG: error: {{.*}}garbage (record {{[0-9]+}}): the byte at 0x{{[0-9a-f]+}} is not an instruction
  record .Lgarbage, .text
  .byte 0, 1
  run .Lgarbage, .Lgarbage_end, safe
  end_map

  function other_push
  pushq %r13
  .cfi_def_cfa_offset 16
  .cfi_offset %r13, -16
.Lother_push_body:
  movl %eax, %ecx # not a NOP: those may be padding, whose frame nobody asks for
.Lother_push_epilogue:
  popq %r13
  .cfi_def_cfa_offset 8
.Lother_push_return:
  retq
  end_function other_push
# CHECK-DAG: error: {{.*}}other_push (record {{[0-9]+}}): the prologue at 0x{{[0-9a-f]+}} is not the standard one
# CHECK-DAG: error: {{.*}}other_push (record {{[0-9]+}}): the epilogue at 0x{{[0-9a-f]+}} is not the standard one
# CHECK-DAG: error: {{.*}}other_push (record {{[0-9]+}}): at 0x{{[0-9a-f]+}} r13 is not saved here, but is in .eh_frame
  record .Lother_push, .text
  .byte 16, 2 # R12, not R13
  run .Lother_push, .Lother_push_body, prologue
  run .Lother_push_body, .Lother_push_epilogue, safe
  run .Lother_push_epilogue, .Lother_push_return, epilogue
  run .Lother_push_return, .Lother_push_end, entry
  end_map

  function two_rooms
  subq $8, %rsp
  subq $8, %rsp
  .cfi_def_cfa_offset 24
.Ltwo_rooms_body:
  ud2
  end_function two_rooms
# CHECK-DAG: error: {{.*}}two_rooms (record {{[0-9]+}}): the prologue at 0x{{[0-9a-f]+}} is not the standard one
  record .Ltwo_rooms, .text
  .byte 0, 3
  run .Ltwo_rooms, .Ltwo_rooms_body, prologue
  run .Ltwo_rooms_body, .Ltwo_rooms_end, safe
  end_map

  function depth
  subq $24, %rsp
  .cfi_def_cfa_offset 32
.Ldepth_body:
  ud2
  end_function depth
# CHECK-DAG: error: {{.*}}depth (record {{[0-9]+}}): at 0x{{[0-9a-f]+}} cfa=rsp+40, but rsp+32 in .eh_frame
  record .Ldepth, .text
  .byte 0, 5
  run .Ldepth, .Ldepth_body, prologue
  run .Ldepth_body, .Ldepth_end, safe
  end_map

  function slot
  pushq %rbx
  .cfi_def_cfa_offset 16
  .cfi_offset %rbx, -16
  pushq %rax
  .cfi_def_cfa_offset 24
.Lslot_body:
  ud2
  end_function slot
# CHECK-DAG: error: {{.*}}slot (record {{[0-9]+}}): at 0x{{[0-9a-f]+}} rbx is saved 24 bytes below the CFA, but 16 in .eh_frame
  record .Lslot, .text
  .byte 0x80 | 32, 1, 3, 3 # explicit slots; 3 words; RBX in the third, though it is in the second
  run .Lslot, .Lslot_body, unsafe
  run .Lslot_body, .Lslot_end, safe
  end_map
