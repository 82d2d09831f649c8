# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# One function with a table, for tests that look at something else.
  .include "table.inc"
  .text
  .globl one
  .type one,@function
one:
.Lone:
  pushq %rbx
.Lbody:
  nop
.Lepilogue:
  popq %rbx
.Lreturn:
  retq
.Lend:
  .size one, .Lend - one
  record .Lone, .text
  .byte 0x20, 2
  run .Lone, .Lbody, prologue
  run .Lbody, .Lepilogue, safe
  run .Lepilogue, .Lreturn, epilogue
  run .Lreturn, .Lend, entry
  end_map

  .section .text.foreign,"ax",@progbits
  .globl stranger
  .type stranger,@function
stranger:
  retq
  .size stranger, . - stranger
