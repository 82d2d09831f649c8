# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# A reference that no table lists is found where the code says that it is one: what the allocator gives, what a callee takes that has no raw pointers and lists it,
# and what is loaded from a word of memory of which another load is listed. A raw pointer that looks the same is none.
#
# RUN: llvm-mc -triple=x86_64-linux-gnu -filetype=obj -I %S/../tools/Inputs %s -o %t.o
# RUN: %expect-findings %sp-verify %t.o | FileCheck %s
# RUN: %expect-findings %sp-verify %t.o | grep -c '\]$' | FileCheck %s --check-prefix=COUNT
# COUNT: {{^}}3{{$}}

  .include "table.inc"
  .include "steps.inc"

# Behind PUSH RBX is the body; the table lists nothing but what is said of it.
.macro function name
  .text
  .globl \name
  .type \name,@function
\name:
  pushq %rbx
.L\name\()_body:
.endm

.macro begin_table name, received
.L\name\()_done:
  return_and_record \name
  .byte 0x80 | 32, 8, 2 # RBX saved; references; CFA = RSP + 16
  \received
  step \name, .L\name\()_body, 7, 0x2f
  .byte body
.endm

.macro end_table name
  .byte 0x5f
  step .L\name\()_done, .L\name\()_return, 4, pop
  step .L\name\()_return, .L\name\()_end, 4, 9
  .byte 0x6f
.endm

.macro nothing_listed name
  begin_table \name
  step .L\name\()_body, .L\name\()_done, 4, body
  end_table \name
.endm

# What a callee takes: it lists RDI up to its only instruction.
.macro takes name
  function \name
  movq (%rdi), %rax
  begin_table \name, ".byte rdi"
  step .L\name\()_body, .L\name\()_done, 4, body
  end_table \name
.endm

# CHECK-DAG: allocated: rax holds a reference (see {{0x[0-9a-f]+}}) that is used later, but neither it nor a copy is listed [missing]
  function allocated
  callq _ZN10stillpoint2gc6detail8allocateERKNS0_6layoutE
  movq $0, (%rax)
  nothing_listed allocated

  function not_allocated
  callq other
  movq $0, (%rax)
  nothing_listed not_allocated

  takes _Z7takes_rN10stillpoint2gc3refI4nodeEE
  takes _Z7takes_pP4node

# CHECK-DAG: gives: rdi holds a reference (see {{0x[0-9a-f]+}}) that is used later, but neither it nor a copy is listed [missing]
  function gives
  movq (%rsi), %rdi
  callq _Z7takes_rN10stillpoint2gc3refI4nodeEE
  nothing_listed gives

  function gives_pointer
  movq (%rsi), %rdi
  callq _Z7takes_pP4node
  nothing_listed gives_pointer

# One load is listed, one is not, and one is a number.
# CHECK-DAG: loaded_again: rdx holds a reference (see {{0x[0-9a-f]+}}) that is used later, but neither it nor a copy is listed [missing]
  function loaded_again
  movq 8(%rsi), %rax
.Lloaded_again_listed:
  movq (%rax), %rcx
.Lloaded_again_behind:
  movq 8(%rsi), %r8
  cmpq %r8, %rcx
  movq 8(%rsi), %rdx
  movq (%rdx), %rax
  begin_table loaded_again
  step .Lloaded_again_body, .Lloaded_again_listed, 4, body
  step .Lloaded_again_listed, .Lloaded_again_behind, 4, rax
  step .Lloaded_again_behind, .Lloaded_again_done, 4, rax
  end_table loaded_again
