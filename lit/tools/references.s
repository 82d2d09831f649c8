# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# References: the registers, slots and stack roots at each instruction, with slots as RSP or RBP reaches them there.
#
# RUN: llvm-mc -triple=x86_64-linux-gnu -filetype=obj -I %S/Inputs %s -o %t.o
# RUN: %sp-objdump %t.o | FileCheck %s
# RUN: %sp-objdump --runs %t.o | FileCheck %s --check-prefix=RUNS
# RUN: %sp-objdump --summary %t.o | FileCheck %s --check-prefix=SUM
# RUN: %sp-objdump --json %t.o | FileCheck %s --check-prefix=JSON
# RUN: %sp-objdump --check %t.o

  .include "table.inc"

# step FROM, TO, BITS, STEP
.macro step from, to, bits, code
  .uleb128 (((\to) - (\from)) << \bits) | \code
.endm

  .text
  .type holds,@function
holds:
  pushq %rbx
  subq $32, %rsp
.Lmoved:
  movq %rdi, %rbx
.Lspill:
  movq %rsi, 8(%rsp)
.Lspilled:
  callq other
.Lback:
  addq $32, %rsp
  popq %rbx
.Lreturn:
  retq
.Lend:
  .size holds, . - holds

# CHECK: <holds>: in .text
# CHECK-NEXT: frame cfa=rsp+48, saves rbx; 24 bytes, 6 runs, 25 bytes of map
# CHECK-NEXT: {{^> [0-9a-f]+}} safe cfa=rsp+8 vec rsi=ref rdi=ref pushq %rbx{{$}}
# CHECK-NEXT: {{^> [0-9a-f]+}} safe cfa=rsp+16 vec rsi=ref rdi=ref subq $0x20, %rsp{{$}}
# CHECK-NEXT: {{^> [0-9a-f]+}} safe cfa=rsp+48 rsi=ref rdi=ref [rsp+16]=root*2 movq %rdi, %rbx{{$}}
# CHECK-NEXT: {{^> [0-9a-f]+}} safe cfa=rsp+48 rbx=ref rsi=ref rdi=ref [rsp+16]=root*2 movq %rsi, 0x8(%rsp){{$}}
# CHECK-NEXT: {{^> [0-9a-f]+}} safe cfa=rsp+48 rbx=ref [rsp+8]=ref [rsp+16]=root*2 callq {{.*}}
# CHECK-NEXT: {{^> [0-9a-f]+}} safe cfa=rsp+48 vec rax=ref addq $0x20, %rsp{{$}}
# CHECK-NEXT: {{^> [0-9a-f]+}} safe cfa=rsp+16 vec rax=ref popq %rbx{{$}}
# CHECK-NEXT: {{^> [0-9a-f]+}} safe cfa=rsp+8 vec rax=ref retq{{$}}

# RUNS: safe cfa=rsp+48 safe length 5 rbx=ref [rsp+8]=ref [rsp+16]=root*2
# SUM: points with references 9 69.23% of points
# JSON: "refs":{"registers":["rsi","rdi"]}
# JSON-SAME: "refs":{"registers":["rbx"],"slots":[{"base":"rsp","offset":8,"words":1}],"roots":[{"base":"rsp","offset":16,"words":2}]}

  record holds, .text
  .byte 0x80 | 32, 8 | 16 | 32, 6 # RBX saved; references, slots, stack roots; CFA = RSP + 48
  .byte 5                         # bytes of lists:
  .byte 1, 9                      # one slot: -5
  .byte 1, 7, 2                   # stack roots: -4 and -3
  .byte 13, 0x12                  # toggle RDI and RSI
  step holds, .Lmoved, 7, 0x2f    # prologue
  .byte 0x4f                      # ready
  step .Lmoved, .Lspill, 4, 8     # safe
  step .Lspill, .Lspilled, 4, 2   # RBX
  .byte 11                        # as behind a call
  step .Lspilled, .Lback, 7, 0x7e # slot 0
  .byte 0
  .byte 0x5f                      # nothing
  .byte 0                         # RAX
  step .Lback, .Lreturn, 4, 10    # epilogue
  step .Lreturn, .Lend, 4, 9      # entry
  .byte 0x6f

# By RBP, and from the stack pointer of a realigned frame.
  .text
  .type aligned,@function
aligned:
  pushq %rbp
  movq %rsp, %rbp
.Lnone:
  subq $64, %rsp
.Lbody:
  nop
.Lrest:
  nop
  .size aligned, . - aligned
.Laligned_end:

# CHECK: <aligned>: in .text
# CHECK: unsafe cfa=? subq
# CHECK-NEXT: {{^> [0-9a-f]+}} safe cfa=rbp+16 rbx=ref [rsp+24]=ref nop{{$}}
# CHECK-NEXT: {{^> [0-9a-f]+}} safe cfa=rbp+16 nop{{$}}

  record aligned, .text
  .byte 0x80 | 0x40 | 1
  .uleb128 8 | 16 | 64
  .byte 2, 1, 6
  step aligned, .Lnone, 7, 0x2f
  step .Lnone, .Lbody, 7, 0x0f
  .byte 2, 0x7e, 0
  step .Lbody, .Lrest, 4, 8
  step .Lrest, .Laligned_end, 7, 0x5f
  .byte 0x6f
