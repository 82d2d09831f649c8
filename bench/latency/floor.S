// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The least that stopping a thread anywhere can take: what the floor's signal handler makes the interrupted code call.
//
// Entered by a return from the signal handler, not by a call: the stack pointer is 128 + 8 bytes below the interrupted one, over the red
// zone, and points to the interrupted PC. Saves the flags, all general registers and all processor state that XSAVEC saves by
// `bench_floor_state` (its size is at most the room made here; the program checks), calls bench_floor_arrived, restores all and goes
// back.

        .text
        .globl  bench_floor_stop
        .type   bench_floor_stop, @function
bench_floor_stop:
        pushfq
        pushq   %rax
        pushq   %rcx
        pushq   %rdx
        pushq   %rbx
        pushq   %rbp
        pushq   %rsi
        pushq   %rdi
        pushq   %r8
        pushq   %r9
        pushq   %r10
        pushq   %r11
        pushq   %r12
        pushq   %r13
        pushq   %r14
        pushq   %r15
        movq    %rsp, %rbp
        subq    $4096, %rsp
        andq    $-64, %rsp
        // XRSTOR wants the header behind the legacy area zero; XSAVEC writes only its first two words.
        xorl    %eax, %eax
        movq    %rax, 528(%rsp)
        movq    %rax, 536(%rsp)
        movq    %rax, 544(%rsp)
        movq    %rax, 552(%rsp)
        movq    %rax, 560(%rsp)
        movq    %rax, 568(%rsp)
        movl    bench_floor_state(%rip), %eax
        xorl    %edx, %edx
        xsavec  (%rsp)
        cld
        call    bench_floor_arrived
        movl    bench_floor_state(%rip), %eax
        xorl    %edx, %edx
        xrstor  (%rsp)
        movq    %rbp, %rsp
        popq    %r15
        popq    %r14
        popq    %r13
        popq    %r12
        popq    %r11
        popq    %r10
        popq    %r9
        popq    %r8
        popq    %rdi
        popq    %rsi
        popq    %rbp
        popq    %rbx
        popq    %rdx
        popq    %rcx
        popq    %rax
        popfq
        ret     $128
        .size   bench_floor_stop, . - bench_floor_stop
        .section .note.GNU-stack, "", @progbits
