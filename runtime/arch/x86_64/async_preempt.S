// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Problem: managed code was stopped between two instructions and expects nothing: every register, every flag and the red zone must be as they
// were when it goes on, perhaps on another thread, perhaps much later.
//
// Protocol
//   Called    by nobody: the SIGURG handler (runtime/preempt/handler.cpp) writes the saved area below the red zone of the task's own stack, and
//             lets the interrupted context continue here, outside of the handler, with RSP and RBP at the saved area. The handler has checked
//             that the stack has room (arch::injection_room).
//   Entries   __stillpoint_async_preempt_plain where the tables say that no vector, mask, x87 or MMX register is live,
//             __stillpoint_async_preempt_vector elsewhere.
//   Saved     RFLAGS and all general registers, by the handler, which has them at hand: so from there on the stack can be scanned; by the
//             vector entry x87/MMX, SSE, AVX, mask and AVX-512 registers: XSAVEC, on processors without it XSAVE, without that FXSAVE.
//   Not saved AMX tiles (8 KiB; code that uses them is unsafe), PKRU (a thread's rights, not a task's), and by the plain entry the
//             contents of vector registers. The control and status words of x87 and MXCSR are kept in both cases: the plain entry's by
//             the C half and enter_task (task::image), the vector entry's with the rest.
//   Then      __stillpoint_async_preempted() enters the scheduler and returns when the task is resumed.
//   Returns   by RET $128 to the interrupted PC, with RSP as it was; the 128 bytes under it are untouched.
//
//   The frame, from the interrupted RSP down: red zone (128 bytes), PC, RFLAGS, RAX, RCX, RDX, RBX, RBP, RSI, RDI, R8 to R15 (interrupted.cpp's
//   saved_area); RBP points at the saved R15 while the C half runs. Below, 64-byte aligned, the vector area.
//
//   For unwinders and debuggers it is a signal frame: the PC is exact, the caller's stack pointer lies behind the red zone.
//
// Before the C half runs, x87 must be empty (MMX and long double values belong to the interrupted code, and the ABI wants none at a call) and
// the upper halves of YMM zero (or every SSE instruction that follows pays for them).
//
// Rejected: saving in the signal handler's frame and switching there (the alternate stack would be held for as long as the task is off).

#include "vector_save.h"

        .macro  restore reg
        popq    %\reg
        .cfi_adjust_cfa_offset -8
        .cfi_restore %\reg
        .endm

        .macro  saved_frame
        .cfi_def_cfa %rbp, 264
        .cfi_offset %rip, -136
        .cfi_offset %rflags, -144
        .cfi_offset %rax, -152
        .cfi_offset %rcx, -160
        .cfi_offset %rdx, -168
        .cfi_offset %rbx, -176
        .cfi_offset %rbp, -184
        .cfi_offset %rsi, -192
        .cfi_offset %rdi, -200
        .cfi_offset %r8, -208
        .cfi_offset %r9, -216
        .cfi_offset %r10, -224
        .cfi_offset %r11, -232
        .cfi_offset %r12, -240
        .cfi_offset %r13, -248
        .cfi_offset %r14, -256
        .cfi_offset %r15, -264
        .endm

        .macro  begin name
        .globl  \name
        .hidden \name
        .type   \name, @function
        .p2align 4
\name:
        .cfi_startproc
        .cfi_signal_frame
        saved_frame
        cld
        .endm

        .macro  end name
        movq    %rbp, %rsp
        .cfi_def_cfa_register %rsp
        restore r15
        restore r14
        restore r13
        restore r12
        restore r11
        restore r10
        restore r9
        restore r8
        restore rdi
        restore rsi
        restore rbp
        restore rbx
        restore rdx
        restore rcx
        restore rax
        popfq
        .cfi_adjust_cfa_offset -8
        .cfi_restore %rflags
        retq    $128
        .cfi_endproc
        .size   \name, . - \name
        .endm

        .hidden __stillpoint_vector_save
        .hidden __stillpoint_async_preempted
        .globl  __stillpoint_save_vectors
        .hidden __stillpoint_save_vectors

        .text
        begin   __stillpoint_async_preempt_plain
        andq    $-16, %rsp
        callq   __stillpoint_async_preempted
        end     __stillpoint_async_preempt_plain

        begin   __stillpoint_async_preempt_vector
        leaq    __stillpoint_async_preempted(%rip), %r12
        // return_trap.S jumps here. RBP: the saved area; R12: the C half, called with the saved area and R13.
__stillpoint_save_vectors:
        leaq    __stillpoint_vector_save(%rip), %rbx
        movl    STILLPOINT_VECTOR_SAVE_SIZE(%rbx), %ecx
        subq    %rcx, %rsp
        andq    $-64, %rsp
        movl    STILLPOINT_VECTOR_SAVE_MASK(%rbx), %eax
        xorl    %edx, %edx
        movl    STILLPOINT_VECTOR_SAVE_MODE(%rbx), %ecx
        testl   %ecx, %ecx
        je      .Lsave_by_fxsave
        // The 64 bytes of header: the processor writes some of them and wants zeroes in the others.
        movq    %rdx, 512(%rsp)
        movq    %rdx, 520(%rsp)
        movq    %rdx, 528(%rsp)
        movq    %rdx, 536(%rsp)
        movq    %rdx, 544(%rsp)
        movq    %rdx, 552(%rsp)
        movq    %rdx, 560(%rsp)
        movq    %rdx, 568(%rsp)
        cmpl    $STILLPOINT_SAVE_BY_XSAVEC, %ecx
        jne     .Lsave_by_xsave
        xsavec64 (%rsp)
        jmp     .Lsaved
.Lsave_by_xsave:
        xsave64 (%rsp)
.Lsaved:
        testb   $1, 512(%rsp)                           // was x87 in use at all?
        je      .Lx87_clean
        fninit
.Lx87_clean:
        testb   $4, %al                                 // is there AVX?
        je      .Lcall
        vzeroupper
.Lcall:
        movq    %rbp, %rdi
        movq    %r13, %rsi
        callq   *%r12
        movl    STILLPOINT_VECTOR_SAVE_MASK(%rbx), %eax
        xorl    %edx, %edx
        xrstor64 (%rsp)
.Lrestored:
        end     __stillpoint_async_preempt_vector

        // A processor without XSAVE; kept out of the way of the others.
        .type   .Lsave_by_fxsave, @function
.Lsave_by_fxsave:
        .cfi_startproc
        .cfi_signal_frame
        saved_frame
        fxsave64 (%rsp)
        fninit
        movq    %rbp, %rdi
        movq    %r13, %rsi
        callq   *%r12
        fxrstor64 (%rsp)
        jmp     .Lrestored
        .cfi_endproc
        .size   .Lsave_by_fxsave, . - .Lsave_by_fxsave

        .section .note.GNU-stack, "", @progbits
