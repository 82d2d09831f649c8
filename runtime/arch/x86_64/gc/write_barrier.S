// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Problem: while references are being marked, compiled code calls the write barrier behind its stores, and does not want to lose its
// registers to it.
//
// void __stillpoint_write_barrier(void *stored)          [preserve_most]
//   Called    by managed code with STORED in RDI, on a task's stack that is aligned as for any call. Never by the runtime.
//   Keeps     every general register but R11 (RDI, too), as LLVM's preserve_most has it. Vector and x87 registers are the caller's to save
//             under that convention, so the C half may use them. Flags are lost, as at every call.
//   Calls     __stillpoint_shade(stored) (runtime/gc/entry.cpp), which neither parks nor collects.
//
// It is foreign code for the tables, so nobody is stopped in here. A null, the commonest case after a reference, comes back at once.
//
// Rejected: clang's own preserve_most on the C function (it saves in whatever order the optimizer likes, and all of them before the test
// for null).

        .text
        .globl  __stillpoint_write_barrier
        .type   __stillpoint_write_barrier, @function
        .p2align 4
__stillpoint_write_barrier:
        .cfi_startproc
        testq   %rdi, %rdi
        je      .Lnothing
        pushq   %rbp
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %rbp, 0
        movq    %rsp, %rbp
        .cfi_def_cfa_register %rbp
        pushq   %rax
        pushq   %rcx
        pushq   %rdx
        pushq   %rsi
        pushq   %rdi
        pushq   %r8
        pushq   %r9
        pushq   %r10                            // with the return address 80 bytes: aligned
        callq   __stillpoint_shade
        popq    %r10
        popq    %r9
        popq    %r8
        popq    %rdi
        popq    %rsi
        popq    %rdx
        popq    %rcx
        popq    %rax
        popq    %rbp
        .cfi_def_cfa %rsp, 8
        .cfi_restore %rbp
.Lnothing:
        retq
        .cfi_endproc
        .size   __stillpoint_write_barrier, . - __stillpoint_write_barrier
        .hidden __stillpoint_shade

        .section .note.GNU-stack, "", @progbits
