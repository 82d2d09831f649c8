# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# stillpoint-verify finds references that are listed and are none, and references that are not listed. The same code each time, with tables that are
# wrong in one place; the right one is clean.
#
# RUN: llvm-mc -triple=x86_64-linux-gnu -filetype=obj -I %S/../tools/Inputs %s -o %t.o
# RUN: %expect-findings %sp-verify %t.o | FileCheck %s
# RUN: %expect-findings %sp-verify %t.o | grep -c '\]$' | FileCheck %s --check-prefix=COUNT
# COUNT: {{^}}8{{$}}
# RUN: %sp-verify --function=right %t.o | FileCheck %s --check-prefix=CLEAN
# CLEAN: 0 findings in 1 functions: 11 safe, 0 pinned and 0 unsafe points, 11 frames, 15 listed and {{[1-9][0-9]*}} wanted references

  .include "table.inc"
  .include "steps.inc"

.set r11_long, 0x6e
.set slot, 0x7e
.set clear, 0x5f

# Two references: one is kept in RBX, one in the word at RSP + 8, across a call.
.macro code name
  .text
  .globl \name
  .type \name,@function
\name:
  pushq %rbx
  subq $16, %rsp
.L\name\()_body:
  movq %rdi, %rbx
.L\name\()_spill:
  movq %rsi, 8(%rsp)
.L\name\()_call:
  callq other
.L\name\()_back:
  movq 8(%rsp), %rdi
.L\name\()_both:
  movq (%rbx), %rax
.L\name\()_one:
  movq %rax, (%rdi)
.L\name\()_end_body:
  addq $16, %rsp
.L\name\()_epilogue:
  return_and_record \name
  .byte 0x80 | 32, 8 | 16, 4 # RBX saved; references, slots; CFA = RSP + 32
  .byte 2, 1, 5              # one slot: CFA - 24
  .byte 13, 0x12             # RDI and RSI
  step \name, .L\name\()_body, 7, 0x2f
  .byte body
.endm

.macro rest name
  step .L\name\()_end_body, .L\name\()_epilogue, 7, clear
  step .L\name\()_epilogue, .L\name\()_return, 4, pop
  step .L\name\()_return, .L\name\()_end, 4, 9
  .byte 0x6f
.endm

  code right
  step .Lright_body, .Lright_spill, 4, body
  .byte rdi
  step .Lright_spill, .Lright_call, 4, rbx
  .byte rsi, slot, 0
  step .Lright_call, .Lright_both, 4, body
  .byte rdi
  step .Lright_both, .Lright_one, 7, slot
  .byte 0
  step .Lright_one, .Lright_end_body, 4, rbx
  rest right

# Not listed across the call, though RBX is dereferenced behind it.
  code lost_register
# CHECK: lost_register: rbx holds a reference (see {{0x[0-9a-f]+}}) that is used later, but neither it nor a copy is listed [missing]
# CHECK: lost_register: rbx holds a reference (see {{0x[0-9a-f]+}}) that is used later, but neither it nor a copy is listed [missing]
  step .Llost_register_body, .Llost_register_spill, 4, body
  .byte rdi
  step .Llost_register_spill, .Llost_register_call, 4, rbx
  .byte rsi, rbx, slot, 0
  step .Llost_register_call, .Llost_register_both, 4, body
  .byte rdi, rbx
  step .Llost_register_both, .Llost_register_one, 7, slot
  .byte 0
  step .Llost_register_one, .Llost_register_end_body, 4, rbx
  rest lost_register

# The word is not listed while the callee runs.
  code lost_slot
# CHECK: lost_slot: the word at cfa-24 holds a reference (see {{0x[0-9a-f]+}}) that is used later, but neither it nor a copy is listed [missing]
# CHECK: lost_slot: the word at cfa-24 holds a reference (see {{0x[0-9a-f]+}}) that is used later, but neither it nor a copy is listed [missing]
  step .Llost_slot_body, .Llost_slot_spill, 4, body
  .byte rdi
  step .Llost_slot_spill, .Llost_slot_call, 4, rbx
  .byte rsi
  step .Llost_slot_call, .Llost_slot_both, 4, body
  step .Llost_slot_both, .Llost_slot_one, 4, rdi
  step .Llost_slot_one, .Llost_slot_end_body, 4, rbx
  rest lost_slot

# R11 is what the call left there.
  code unwritten_register
# CHECK: unwritten_register: r11 is listed as a reference, but nobody has written it on any way here [written]
  step .Lunwritten_register_body, .Lunwritten_register_spill, 4, body
  .byte rdi
  step .Lunwritten_register_spill, .Lunwritten_register_call, 4, rbx
  .byte rsi, slot, 0
  step .Lunwritten_register_call, .Lunwritten_register_back, 4, body
  step .Lunwritten_register_back, .Lunwritten_register_both, 7, r11_long
  .byte r11_long
  .byte rdi
  step .Lunwritten_register_both, .Lunwritten_register_one, 7, slot
  .byte 0
  step .Lunwritten_register_one, .Lunwritten_register_end_body, 4, rbx
  rest unwritten_register

# The word is listed before it is stored to.
  code unwritten_slot
# CHECK: unwritten_slot: the word at cfa-24 is listed as a reference, but nobody has written it on any way here [written]
# CHECK: unwritten_slot: the word at cfa-24 is listed as a reference, but nobody has written it on any way here [written]
  step .Lunwritten_slot_body, .Lunwritten_slot_spill, 7, slot
  .byte 0, rdi
  step .Lunwritten_slot_spill, .Lunwritten_slot_call, 4, rbx
  .byte rsi
  step .Lunwritten_slot_call, .Lunwritten_slot_both, 4, body
  .byte rdi
  step .Lunwritten_slot_both, .Lunwritten_slot_one, 7, slot
  .byte 0
  step .Lunwritten_slot_one, .Lunwritten_slot_end_body, 4, rbx
  rest unwritten_slot

# RBX still holds what the caller had there.
  code callers_value
# CHECK: callers_value: rbx is listed as a reference, but holds the caller's rbx [written]
  step .Lcallers_value_body, .Lcallers_value_spill, 4, rbx
  .byte rdi
  step .Lcallers_value_spill, .Lcallers_value_call, 4, body
  .byte rsi, slot, 0
  step .Lcallers_value_call, .Lcallers_value_both, 4, body
  .byte rdi
  step .Lcallers_value_both, .Lcallers_value_one, 7, slot
  .byte 0
  step .Lcallers_value_one, .Lcallers_value_end_body, 4, rbx
  rest callers_value
