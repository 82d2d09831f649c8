# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# A raw pointer of which a reference is made is the same value in two registers, and only the reference is listed: no fault. Where the table says that the register
# is the reference all the same, or where it never was in two places, leaving it out is one. A callee that does not return leads nowhere; one that does, does.
#
# RUN: llvm-mc -triple=x86_64-linux-gnu -filetype=obj -I %S/../tools/Inputs %s -o %t.o
# RUN: %expect-findings %sp-verify %t.o | FileCheck %s
# RUN: %expect-findings %sp-verify %t.o | grep -c '\]$' | FileCheck %s --check-prefix=COUNT
# COUNT: {{^}}7{{$}}
# RUN: %sp-verify --function=outlived %t.o | FileCheck %s --check-prefix=OUTLIVED
# OUTLIVED: 0 findings in 1 functions: {{.*}}; not checked: 2 points where what is left of a reference may be a raw pointer
# RUN: %sp-verify --function=other_way %t.o | FileCheck %s --check-prefix=OTHER
# OTHER: 0 findings in 1 functions: {{.*}}; not checked: 2 points where what is left of a reference may be a raw pointer
# RUN: %sp-verify --function='^ends_there$' %t.o | FileCheck %s --check-prefix=ENDS
# ENDS: 0 findings in 1 functions:
# RUN: %sp-verify --function='^reported$' %t.o | FileCheck %s --check-prefix=ENDS

  .include "table.inc"
  .include "steps.inc"

# Behind PUSH RBX, RDI is listed; `done` ends the body, with nothing listed.
.macro function name
  .text
  .globl \name
  .type \name,@function
\name:
  pushq %rbx
.L\name\()_body:
.endm

.macro leave name
.L\name\()_done:
  return_and_record \name
  .byte 0x80 | 32, 8, 2 # RBX saved; references; CFA = RSP + 16
  .byte rdi
  step \name, .L\name\()_body, 7, 0x2f
  .byte body
.endm

.macro done name
  .byte 0x5f
  step .L\name\()_done, .L\name\()_return, 4, pop
  step .L\name\()_return, .L\name\()_end, 4, 9
  .byte 0x6f
.endm

# RDI is the reference, and the callee's if nothing else; RBX the raw pointer that stays.
.macro two_places name, also
  function \name
  movq %rdi, %rbx
  \also
  callq other
.L\name\()_back:
  movq (%rbx), %rax
  leave \name
.endm

  two_places outlived
  step .Loutlived_body, .Loutlived_back, 4, body
  step .Loutlived_back, .Loutlived_done, 4, called
  done outlived

# RBX is listed behind the call, so it was the reference in it.
  two_places listed_again, "movq (%rdi), %rsi"
# CHECK-DAG: listed_again: rbx holds a reference (see {{0x[0-9a-f]+}}) that is used later, but neither it nor a copy is listed [missing]
  step .Llisted_again_body, .Llisted_again_back, 4, body
  .byte called
  step .Llisted_again_back, .Llisted_again_done, 4, rbx
  done listed_again

# What the first call gives is moved, and so never in two places.
  function one_place
  callq other
.Lone_place_made:
  movq %rax, %rbx
.Lone_place_moved:
  callq other
  movq (%rbx), %rax
  leave one_place
# CHECK-DAG: one_place: rbx holds a reference (see {{0x[0-9a-f]+}}) that is used later, but neither it nor a copy is listed [missing]
# CHECK-DAG: one_place: rbx holds a reference (see {{0x[0-9a-f]+}}) that is used later, but neither it nor a copy is listed [missing]
  step .Lone_place_body, .Lone_place_made, 4, rdi
  step .Lone_place_made, .Lone_place_moved, 4, rax
  step .Lone_place_moved, .Lone_place_done, 4, rax
  done one_place

# On one way RDI becomes a reference, on the other it never does.
  function other_way
  testl %esi, %esi
  je .Lother_way_raw
  callq other
.Lother_way_back:
  jmp .Lother_way_done
.Lother_way_raw:
  movq (%rdi), %rax
  movq 8(%rdi), %rax
  leave other_way
  step .Lother_way_body, .Lother_way_back, 4, body
  step .Lother_way_back, .Lother_way_done, 4, rdi
  done other_way

# There is no other way.
  function given_up
  movq (%rdi), %rax
.Lgiven_up_early:
  movq 8(%rdi), %rcx
  movq 16(%rdi), %rdx
  leave given_up
# CHECK-DAG: given_up: rdi holds a reference (see {{0x[0-9a-f]+}}) that is used later, but neither it nor a copy is listed [missing]
# CHECK-DAG: given_up: rdi holds a reference (see {{0x[0-9a-f]+}}) that is used later, but neither it nor a copy is listed [missing]
  step .Lgiven_up_body, .Lgiven_up_early, 4, body
  step .Lgiven_up_early, .Lgiven_up_done, 4, rdi
  done given_up

# Behind a call stands what others jump to; the table lists nothing at it.
.macro stops_at name, callee
  function \name
  movq %rdi, %rbx
.L\name\()_moved:
  testl %esi, %esi
  je .L\name\()_on
.L\name\()_call:
  callq \callee
.L\name\()_on:
  movq (%rbx), %rax
  leave \name
  step .L\name\()_body, .L\name\()_moved, 4, body
  .byte rdi
  step .L\name\()_moved, .L\name\()_call, 4, rbx
  step .L\name\()_call, .L\name\()_on, 4, rbx
  step .L\name\()_on, .L\name\()_done, 4, rbx
  done \name
.endm

  .text
  .type stops_inside,@function
stops_inside:
  testl %edi, %edi
  je .Lstops_again
  ud2
.Lstops_again:
  jmp stops_inside
  .type stops,@function
stops:
  callq stops_inside
  .type comes_back,@function
comes_back:
  testl %edi, %edi
  je .Lcomes_back
  callq stops_inside
.Lcomes_back:
  retq

  stops_at ends_there, stops
  stops_at goes_on, comes_back
# CHECK-DAG: goes_on: rbx holds a reference (see {{0x[0-9a-f]+}}) that is used later, but neither it nor a copy is listed [missing]

# The same of callees that are known by their names only.
  stops_at reported, __asan_report_load8
  stops_at told_only, __asan_report_load8_noabort
# CHECK-DAG: told_only: rbx holds a reference (see {{0x[0-9a-f]+}}) that is used later, but neither it nor a copy is listed [missing]
