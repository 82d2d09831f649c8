# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# stillpoint-verify finds what is live where the table says that it is not: vector registers, what a live set leaves out, and addresses of the calling thread at
# points that are not pinned.
#
# RUN: llvm-mc -triple=x86_64-linux-gnu -filetype=obj -I %S/../tools/Inputs %s -o %t.o
# RUN: %expect-findings %sp-verify %t.o | FileCheck %s --implicit-check-not='] ' --implicit-check-not='[live]' --implicit-check-not='[vector]' --implicit-check-not='[thread]'
# RUN: %sp-verify --function=right_ %t.o | FileCheck %s --check-prefix=CLEAN
# CLEAN: 0 findings in 4 functions

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
  record .L\name, .text
.endm

# A value in XMM0 is read behind a jump.
.macro vector name
  function \name
  pushq %rax
.L\name\()_body:
  movsd (%rdi), %xmm0
.L\name\()_live:
  testl %esi, %esi
  je .L\name\()_out
  movsd %xmm0, (%rdx)
.L\name\()_dead:
.L\name\()_out:
  popq %rcx
.L\name\()_return:
  retq
  end_function \name
  .byte 0, 2
  run .L\name, .L\name\()_body, prologue
.endm

  vector right_vector
  run .Lright_vector_body, .Lright_vector_live, safe
  run .Lright_vector_live, .Lright_vector_dead, safe_vector
  run .Lright_vector_dead, .Lright_vector_return, safe
  run .Lright_vector_return, .Lright_vector_end, entry
  end_map

  vector no_vector
# CHECK: no_vector: no vector register is live according to the table, but xmm0 is read later [vector]
# CHECK: no_vector: no vector register is live according to the table, but xmm0 is read later [vector]
# CHECK: no_vector: no vector register is live according to the table, but xmm0 is read later [vector]
  run .Lno_vector_body, .Lno_vector_return, safe
  run .Lno_vector_return, .Lno_vector_end, entry
  end_map

# An argument: nothing in this file reads it, and what else would it have been set for?
  function no_argument
  pushq %rax
.Lno_argument_body:
  movsd (%rdi), %xmm0
  callq other
  popq %rcx
.Lno_argument_return:
  retq
  end_function no_argument
# CHECK: no_argument: no vector register is live according to the table, but xmm0 is read later [vector]
  .byte 0, 2
  run .Lno_argument, .Lno_argument_body, prologue
  run .Lno_argument_body, .Lno_argument_return, safe
  run .Lno_argument_return, .Lno_argument_end, entry
  end_map

# liveness=full: before ADC, ECX and the flags are live.
.macro sets name, general
  function \name
  cmpl %esi, %edi
.L\name\()_live:
  movl $1, %eax
.L\name\()_sum:
  adcl %ecx, %eax
.L\name\()_out:
  retq
  end_function \name
  .byte 0x80, 2, 1 # own states; CFA = RSP + 8
  .byte 1          # one: safe, whole frame, no vector register, a live set
  .byte 0x21
  .uleb128 \general
  .byte 0, 0
  run .L\name, .L\name\()_live, unsafe
  run .L\name\()_live, .L\name\()_sum, own_0
  run .L\name\()_sum, .L\name\()_end, unsafe
  end_map
.endm

.set live_rcx, 2
.set live_rsp, 16
.set live_flags, 0x10000
.set live_kept, 0xf028 # RBX, RBP, R12 to R15
  sets right_sets, live_rcx | live_rsp | live_flags | live_kept

# CHECK: no_flags: the flags are dead according to the table, but are read later [live]
  sets no_flags, live_rcx | live_rsp | live_kept

# CHECK: no_rcx: rcx is dead according to the table, but is read later [live]
  sets no_rcx, live_flags | live_rsp | live_kept

# The thread pointer in RBX, across a call.
.macro thread name
  function \name
  pushq %rbx
.L\name\()_body:
  movq %fs:0, %rbx
.L\name\()_held:
  callq other
  movq -8(%rbx), %rax
.L\name\()_free:
  popq %rbx
.L\name\()_return:
  retq
  end_function \name
.endm

  thread right_thread
  .byte 0x80 | 32, 2, 2
  .byte 1, 2 # pinned, whole frame
  run .Lright_thread, .Lright_thread_body, prologue
  run .Lright_thread_body, .Lright_thread_held, safe
  run .Lright_thread_held, .Lright_thread_free, own_0
  run .Lright_thread_free, .Lright_thread_return, epilogue
  run .Lright_thread_return, .Lright_thread_end, entry
  end_map

  thread not_pinned
# CHECK: not_pinned: rbx holds an address of the calling thread that is used later, but the point is not pinned [thread]
# CHECK: not_pinned: rbx holds an address of the calling thread that is used later, but the point is not pinned [thread]
  .byte 32, 2
  run .Lnot_pinned, .Lnot_pinned_body, prologue
  run .Lnot_pinned_body, .Lnot_pinned_free, safe
  run .Lnot_pinned_free, .Lnot_pinned_return, epilogue
  run .Lnot_pinned_return, .Lnot_pinned_end, entry
  end_map

# A jump table, which decides what is live: only one of its targets reads XMM1.
.macro table name
  function \name
  pushq %rax
.L\name\()_body:
  movsd (%rdi), %xmm1
.L\name\()_live:
  leaq .L\name\()_table(%rip), %rax
  movslq (%rax,%rsi,4), %rcx
  addq %rax, %rcx
  jmpq *%rcx
.L\name\()_first:
  movsd %xmm1, (%rdi)
.L\name\()_second:
  popq %rcx
.L\name\()_return:
  retq
  end_function \name
  .byte 0, 2
  run .L\name, .L\name\()_body, prologue
  run .L\name\()_body, .L\name\()_live, safe
.endm

.macro end_table name
  run .L\name\()_second, .L\name\()_return, safe
  run .L\name\()_return, .L\name\()_end, entry
  end_map
  .section .rodata
  .p2align 2
.L\name\()_table:
  .long .L\name\()_second - .L\name\()_table
  .long .L\name\()_first - .L\name\()_table
.endm

  table right_table
  run .Lright_table_live, .Lright_table_second, safe_vector
  end_table right_table

  table no_case
# CHECK-COUNT-5: no_case: no vector register is live according to the table, but xmm1 is read later [vector]
  run .Lno_case_live, .Lno_case_second, safe
  end_table no_case
