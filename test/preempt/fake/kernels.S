// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Functions whose every instruction is known, with tables written by hand beside them. Each is a task's entry: void kernel(void *buffer).
//
// The tables are the bytes that include/stillpoint/abi/map_format.h draws. They are put into sections of this file's own, so that a test
// program may hold compiled tables as well; fake/tables.cpp registers them.

#define STATE_UNSAFE 0
#define STATE_SAFE 1
#define STATE_SAFE_VECTOR 2
#define STATE_ENTRY 3
#define STATE_PROLOGUE 4
#define STATE_EPILOGUE 5
#define STATE_OWN_0 6
#define RUN_END 5

        .text
        .p2align 4

        .macro  function name
        .globl  \name
        .type   \name, @function
\name:
        .cfi_startproc
        .section test_records, "a", @progbits
        .long   \name - .
        .long   .Lmap_\name - .
        .section test_maps, "a", @progbits
.Lmap_\name:
        .text
        .endm

        .macro  done name
        .cfi_endproc
        .size   \name, . - \name
        .endm

        // A map's bytes.
        .macro  header bytes:vararg
        .section test_maps, "a", @progbits
        .byte   \bytes
        .text
        .endm

        .macro  run from, to, state
        .section test_maps, "a", @progbits
        .uleb128 ((\to - \from) << 3) | \state
        .text
        .endm

        .macro  run_end
        .section test_maps, "a", @progbits
        .byte   RUN_END
        .text
        .endm

        // All six callee-saved registers in a standard frame.
        .macro  push_all
        pushq   %rbp
        pushq   %r15
        pushq   %r14
        pushq   %r13
        pushq   %r12
        pushq   %rbx
        .endm

        .macro  pop_all
        popq    %rbx
        popq    %r12
        popq    %r13
        popq    %r14
        popq    %r15
        popq    %rbp
        .endm

// Integer work in all registers: flags that live over several instructions, the red zone, the direction flag, string instructions.
        function kernel_general
        header  0x3f, 7
1:      push_all
2:      movq    %rdi, %rbx
        xorl    %ecx, %ecx
        xorl    %edx, %edx
        movl    $40, %r15d
        movl    $0x11111111, %r8d
        movl    $0x22222222, %r9d
        movl    $0x33333333, %r10d
        movl    $0x44444444, %r11d
        movq    $-1, %r12
        movq    $0x7fffffff, %r13
        leaq    8(%rbx), %r14
        movq    $0x0123456789abcdef, %rax
        movq    %rax, -8(%rsp)
        movq    %r12, -128(%rsp)
        xorl    %ebp, %ebp
21:     addq    %r8, %r12
        adcq    %r9, %rbp
        rcrq    $1, %r10
        rclq    $3, %r11
        setc    %cl
        seto    %ch
        lahf
        addb    %ch, %al
        sahf
        adcq    -8(%rsp), %r13
        movq    %r13, -8(%rsp)
        xorq    %rcx, -128(%rsp)
        bsfq    %r13, %rdx
        cmovzq  %r8, %rdx
        addq    %rdx, %r9
        std
        leaq    71(%rbx), %rdi
        movl    $8, %ecx
        rep stosb
        cld
        addq    (%rdi), %r8
        cmpxchg16b 128(%rbx)
        mulq    %r12
        decl    %r15d
        jnz     21b
        addq    -8(%rsp), %rax
        addq    -128(%rsp), %rdx
        movq    %rax, (%rbx)
        movq    %rdx, (%r14)
        movq    %r8, 16(%rbx)
        movq    %r9, 24(%rbx)
        movq    %r10, 32(%rbx)
        movq    %r11, 40(%rbx)
        movq    %rbp, 48(%rbx)
        movq    %r13, 56(%rbx)
3:      pop_all
4:      retq
5:
        run     1b, 2b, STATE_PROLOGUE
        run     2b, 3b, STATE_SAFE
        run     3b, 4b, STATE_EPILOGUE
        run     4b, 5b, STATE_ENTRY
        run_end
        done    kernel_general

// Every vector and mask register that AVX-512 has.
        function kernel_avx512
        header  0, 1
1:
        .irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
        vmovdqu64 64 * \n(%rdi), %zmm\n
        .endr
        .irp n, 0,1,2,3,4,5,6,7
        kmovq   64 * \n(%rdi), %k\n
        .endr
        .irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30
        vpaddd  %zmm31, %zmm\n, %zmm\n {%k3}
        vpermd  %zmm\n, %zmm30, %zmm31
        .endr
        kaddq   %k1, %k2, %k3
        kxorq   %k3, %k4, %k5
        vfmadd231ps %zmm3, %zmm4, %zmm29 {%k5}
        vdivpd  %zmm7, %zmm8, %zmm28
        .irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
        vmovdqu64 %zmm\n, 64 * \n(%rdi)
        .endr
        .irp n, 0,1,2,3,4,5,6,7
        kmovq   %k\n, 2048 + 8 * \n(%rdi)
        .endr
        vzeroupper
        retq
2:
        run     1b, 2b, STATE_SAFE_VECTOR
        run_end
        done    kernel_avx512

// The sixteen YMM registers.
        function kernel_avx2
        header  0, 1
1:
        .irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15
        vmovdqu 32 * \n(%rdi), %ymm\n
        .endr
        .irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14
        vpaddd  %ymm15, %ymm\n, %ymm\n
        vpermd  %ymm\n, %ymm14, %ymm15
        .endr
        .irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15
        vmovdqu %ymm\n, 32 * \n(%rdi)
        .endr
        vzeroupper
        retq
2:
        run     1b, 2b, STATE_SAFE_VECTOR
        run_end
        done    kernel_avx2

// SSE alone, with the upper halves never touched.
        function kernel_sse
        header  0, 1
1:
        .irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15
        movdqu  16 * \n(%rdi), %xmm\n
        .endr
        .irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14
        paddd   %xmm15, %xmm\n
        pshufd  $0x1b, %xmm\n, %xmm15
        mulpd   %xmm\n, %xmm14
        .endr
        .irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15
        movdqu  %xmm\n, 16 * \n(%rdi)
        .endr
        retq
2:
        run     1b, 2b, STATE_SAFE_VECTOR
        run_end
        done    kernel_sse

// The x87 stack full of values, condition codes between compare and use, another rounding mode and precision; then MMX.
        function kernel_x87
        header  0, 1
1:      fnstcw  -2(%rsp)
        movw    $0x0e7f, -4(%rsp)
        fldcw   -4(%rsp)
        fldpi
        fldl2e
        fldl2t
        fldlg2
        fldln2
        fld1
        fldt    (%rdi)
        fmul    %st(3), %st
        fadd    %st(5), %st
        fxch    %st(2)
        fsqrt
        fcom    %st(4)
        fnstsw  %ax
        movw    %ax, 200(%rdi)
        fprem
        fnstsw  %ax
        movw    %ax, 202(%rdi)
        fpatan
        fstpt   (%rdi)
        fstpt   16(%rdi)
        fstpt   32(%rdi)
        fstpt   48(%rdi)
        fstpt   64(%rdi)
        fstpt   80(%rdi)
        fldcw   -2(%rsp)
        movq    (%rdi), %mm0
        movq    16(%rdi), %mm1
        .irp n, 2,3,4,5,6,7
        movq    %mm0, %mm\n
        paddb   %mm1, %mm\n
        pxor    %mm\n, %mm0
        .endr
        movq    %mm0, 96(%rdi)
        movq    %mm7, 104(%rdi)
        emms
        retq
2:
        run     1b, 2b, STATE_SAFE_VECTOR
        run_end
        done    kernel_x87

// Control and sticky bits set, with no vector register live: the plain entry has to keep them.
        function kernel_words
        header  0, 1
1:      fninit
        movl    $0x7fa5, -4(%rsp)
        ldmxcsr -4(%rsp)
        movw    $0x0b7f, -6(%rsp)
        fldcw   -6(%rsp)
        movl    $20, %ecx
21:     addl    %ecx, %eax
        decl    %ecx
        jnz     21b
        fld1
2:      fldz
        fdivrp
        fstp    %st(0)
4:      nop
        stmxcsr (%rdi)
        fnstcw  4(%rdi)
        fnstsw  6(%rdi)
        nop
        fninit
        nop
        movl    $0x1f80, -4(%rsp)
        ldmxcsr -4(%rsp)
        nop
        retq
5:
        run     1b, 2b, STATE_SAFE
        run     2b, 4b, STATE_SAFE_VECTOR
        run     4b, 5b, STATE_SAFE
        run_end
        done    kernel_words

// Spins until *buffer is not zero; counts in buffer[1].
        .macro  spinner name, state
        function \name
        header  0, 1
1:      incq    8(%rdi)
        cmpl    $0, (%rdi)
        je      1b
        retq
2:
        run     1b, 2b, \state
        run_end
        done    \name
        .endm

        spinner spin_safe, STATE_SAFE
        spinner spin_vector, STATE_SAFE_VECTOR
        spinner spin_unsafe, STATE_UNSAFE
        spinner spin_for_corruption, STATE_SAFE

// The same, at a pinned point: own state 0 is kind_pinned with the whole frame.
        function spin_pinned
        header  0x80, 2, 1, 1, 2
1:      incq    8(%rdi)
        cmpl    $0, (%rdi)
        je      1b
        retq
2:
        run     1b, 2b, STATE_OWN_0
        run_end
        done    spin_pinned

// Safe, but nobody knows where the frame is: own state 0 is kind_safe with frame_unknown.
        function spin_unknown
        header  0x80, 2, 1, 1, 0x11
1:      incq    8(%rdi)
        cmpl    $0, (%rdi)
        je      1b
        retq
2:
        run     1b, 2b, STATE_OWN_0
        run_end
        done    spin_unknown

// Calls spin_safe with a frame of its own: an ordinary caller, one that is pinned at its call, one that is unsafe there, one whose frame is unknown.
        function call_spin
        header  0, 2
1:      pushq   %rax
2:      callq   spin_safe
3:      popq    %rcx
4:      retq
5:
        run     1b, 2b, STATE_ENTRY
        run     2b, 4b, STATE_SAFE
        run     4b, 5b, STATE_ENTRY
        run_end
        done    call_spin

        .macro  other_caller name, own
        function \name
        header  0x80, 2, 2, 1, \own
1:      pushq   %rax
2:      callq   spin_safe
3:      popq    %rcx
4:      retq
5:
        run     1b, 2b, STATE_ENTRY
        run     2b, 3b, STATE_OWN_0
        run     3b, 4b, STATE_SAFE
        run     4b, 5b, STATE_ENTRY
        run_end
        done    \name
        .endm

        other_caller call_spin_pinned, 0x02
        other_caller call_spin_unsafe, 0x00
        other_caller call_spin_unknown, 0x11

// A caller with a frame pointer and a dynamic area, calling call_spin, which has none.
        function call_with_frame_pointer
        header  0x41 | 0x20
1:      pushq   %rbp
        movq    %rsp, %rbp
        pushq   %rbx
        subq    $24, %rsp
2:      movl    $3000, %ebx
        subq    %rbx, %rsp
        andq    $-64, %rsp
        callq   call_spin
        leaq    -8(%rbp), %rsp
3:      popq    %rbx
        popq    %rbp
4:      retq
5:
        run     1b, 2b, STATE_PROLOGUE
        run     2b, 3b, STATE_SAFE
        run     3b, 4b, STATE_EPILOGUE
        run     4b, 5b, STATE_ENTRY
        run_end
        done    call_with_frame_pointer

// Calls a foreign function: struct { flag, counter, void (*function)(void *) }.
        function call_foreign
        header  0, 2
1:      pushq   %rax
2:      callq   *16(%rdi)
        popq    %rcx
3:      retq
4:
        run     1b, 2b, STATE_ENTRY
        run     2b, 3b, STATE_SAFE
        run     3b, 4b, STATE_ENTRY
        run_end
        done    call_foreign

        .section .note.GNU-stack, "", @progbits
