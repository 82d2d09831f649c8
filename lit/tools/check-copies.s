# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# --check finds unchecked copies that are none, or can be entered while the collector marks: the same function again and again, with one mistake in each.
#
# RUN: llvm-mc -triple=x86_64-linux-gnu -filetype=obj -I %S/Inputs %s -o %t.o
# RUN: not %sp-objdump --check %t.o 2>&1 | FileCheck %s --implicit-check-not=' right '
# RUN: %lld -shared %t.o -o %t.so
# RUN: not %sp-objdump --check %t.so 2>&1 | FileCheck %s --implicit-check-not=' right '
# RUN: %sp-objdump --check --function=right %t.so
# RUN: %sp-objdump --check --function='^behind_call$' %t.o
# RUN: %sp-objdump --check --function='^behind_call$' %t.so
# RUN: not %sp-verify %t.so --quiet 2>&1 | FileCheck %s --check-prefix=VERIFY
# VERIFY-COUNT-9: the unchecked copy at
# VERIFY-NOT: : right 

  .include "table.inc"

  .section stillpoint_marking_v4,"aw",@progbits
flag:
  .byte 0

.macro function name, test="cmpb $0, flag(%rip)", store="movq %rax, (%rdi)", own="bswapl %edx", back=unchecked, branch=unsafe, body=safe, second=0, in=other, between=
  .text
  .globl \name
  .type \name,@function
\name:
.L\name:
  .cfi_startproc
.L\name\()_other:
  decq %rsi
  je .L\name\()_\in
  \test
.L\name\()_branch:
  jne .L\name\()_checked
  \between
.L\name\()_unchecked:
  movq 8(%rdi), %rax
  \store
.L\name\()_behind:
  \own
  addq $8, %rdi
  decq %rsi
  jne .L\name\()_\back
.L\name\()_out:
  retq
.L\name\()_checked:
  movq 8(%rdi), %rax
  movq %rax, (%rdi)
.L\name\()_check:
  cmpb $0, flag(%rip)
  jne .L\name\()_slow
.L\name\()_rest:
  \own
  addq $8, %rdi
  decq %rsi
  jne .L\name\()_checked
  jmp .L\name\()_out
.L\name\()_slow:
  movq %rax, %rcx
  jmp .L\name\()_rest
.L\name\()_end:
  .cfi_endproc
  .size \name, .L\name\()_end - \name
  record .L\name, .text
  .byte 0, 1
  run .L\name, .L\name\()_branch, safe
  run .L\name\()_branch, .L\name\()_unchecked, \branch
  run .L\name\()_unchecked, .L\name\()_out, \body
  run .L\name\()_out, .L\name\()_end, safe
  end_map
  copy_record .L\name\()_unchecked, .L\name\()_checked, .L\name\()_pieces, .text
  pieces .L\name\()_pieces, 2, .text
  piece .L\name\()_unchecked, .L\name\()_behind, 0
  piece .L\name\()_behind, .L\name\()_out, .L\name\()_rest - .L\name\()_checked + \second
.endm

  function right
# What calls a function in another file calls the instruction behind itself until it is linked.
  function behind_call, between="jmp .Lbehind_call_unchecked; callq __cxa_throw"

# CHECK-DAG: error: {{.*}}other_store {{.*}} 'movq %rcx, (%rdi)' is not its counterpart's 'movq %rax, (%rdi)'
  function other_store, store="movq %rcx, (%rdi)"

# CHECK-DAG: error: {{.*}}no_check {{.*}}: it is entered without a check
  function no_check, test="cmpb $1, flag(%rip)"

# CHECK-DAG: error: {{.*}}stop_at_check {{.*}}: a stop is allowed between the check and the first instruction
  function stop_at_check, branch=safe

# CHECK-DAG: error: {{.*}}elsewhere {{.*}} 'jne {{.*}} is not its counterpart's 'jne
  function elsewhere, back=behind

# CHECK-DAG: error: {{.*}}displaced {{.*}}: its counterpart is no instruction
# CHECK-DAG: error: {{.*}}displaced {{.*}}: 'addq $0x8, %rdi' is not its counterpart's
  function displaced, second=4

# CHECK-DAG: error: {{.*}}calling {{.*}}: it holds 'callq
  function calling, own="callq flag"

# CHECK-DAG: error: {{.*}}other_state {{.*}}: its state is not its counterpart's
  function other_state, body=safe_vector

# CHECK-DAG: error: {{.*}}jumped_into {{.*}}: it is entered from {{.*}} without a check
  function jumped_into, in=behind
