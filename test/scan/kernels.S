// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Functions whose references are known at every instruction. What their tables say of registers and slots (state), and which of the job's objects
// are referred to (truth: a bit for each, of the whole stack), is written independently, beside the code. tables.cpp makes tables of the states
// and registers them.
//
// A job: its first 16 words are the objects' addresses; what follows is the test's own (job in support.h).

#define PROLOGUE 0
#define WHOLE 1
#define EPILOGUE 2
#define ENTRY 3
#define UNSAFE 4
#define NONE 0x7fff

#define RAX (1 << 0)
#define RCX (1 << 1)
#define RBX (1 << 3)
#define RBP (1 << 5)
#define RDI (1 << 7)
#define R12 (1 << 12)
#define R13 (1 << 13)
#define R14 (1 << 14)
#define R15 (1 << 15)

        .text
        .p2align 4

        // saved: RBP 1, R15 2, R14 4, R13 8, R12 16, RBX 32. base: 0 CFA, 1 RSP, 2 RBX.
        .macro  function name, saved, cfa_is_rbp, words, base, root
        .globl  \name
        .type   \name, @function
\name:
        .cfi_startproc
        .section scan_functions, "aw"
        .quad   \name, .Lend_\name
        .long   \saved, \cfa_is_rbp, \words, \base, \root, 0
        .text
        .endm

        .macro  done name
        .cfi_endproc
.Lend_\name:
        .size   \name, . - \name
        .endm

        .macro  state from, to, form, registers=0, slot0=NONE, slot1=NONE, ready=0
        .section scan_states, "aw"
        .quad   \from, \to
        .long   \form, \registers, \slot0, \slot1, \ready, 0
        .text
        .endm

        .macro  truth from, to, objects
        .section scan_truths, "aw"
        .quad   \from, \to
        .long   \objects, 0
        .text
        .endm

        .macro  save reg
        pushq   %\reg
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %\reg, 0
        .endm
        .macro  restore reg
        popq    %\reg
        .cfi_adjust_cfa_offset -8
        .cfi_restore %\reg
        .endm
        .macro  push_all
        save    rbp
        save    r15
        save    r14
        save    r13
        save    r12
        save    rbx
        .endm
        .macro  pop_all
        restore rbx
        restore r12
        restore r13
        restore r14
        restore r15
        restore rbp
        .endm

// All callee-saved registers and a slot in a frame that calls another, twice.
        function scan_outer, 0x3f, 0, 10, 0, NONE
1:      push_all
        subq    $24, %rsp
        .cfi_adjust_cfa_offset 24
2:      movq    %rdi, %rbx
        movq    0(%rbx), %rbp
3:      movq    8(%rbx), %r12
4:      movq    16(%rbx), %r13
5:      movq    24(%rbx), %r14
6:      movq    32(%rbx), %rax
7:      movq    %rax, (%rsp)
8:      movl    $1, %r15d
        movq    40(%rbx), %rdi
9:      movq    %rbx, %rsi
10:     callq   scan_middle
11:     xorl    %ebp, %ebp
12:     movq    %rbx, %rdi
13:     callq   scan_realigned
14:     movq    (%rsp), %rax
15:     movq    %rax, 8(%rsp)
16:     xorl    %r12d, %r12d
17:     addq    $24, %rsp
        .cfi_adjust_cfa_offset -24
        pop_all
18:     retq
19:
        state   1b, 2b, PROLOGUE
        state   2b, 3b, WHOLE
        state   3b, 4b, WHOLE, RBP
        state   4b, 5b, WHOLE, RBP|R12
        state   5b, 6b, WHOLE, RBP|R12|R13
        state   6b, 7b, WHOLE, RBP|R12|R13|R14
        state   7b, 8b, WHOLE, RBP|R12|R13|R14|RAX
        state   8b, 9b, WHOLE, RBP|R12|R13|R14, -10
        state   9b, 10b, WHOLE, RBP|R12|R13|R14|RDI, -10
        state   10b, 11b, WHOLE, RBP|R12|R13|R14|RDI, -10
        state   11b, 12b, WHOLE, R12|R13|R14, -10
        state   12b, 14b, WHOLE, R12|R13|R14, -10
        state   14b, 15b, WHOLE, R12|R13|R14, -10
        state   15b, 16b, WHOLE, R12|R13|R14, -10
        state   16b, 17b, WHOLE, R13|R14, -10, -9
        state   17b, 18b, EPILOGUE
        state   18b, 19b, ENTRY
        truth   1b, 3b, 0
        truth   3b, 4b, 0x01
        truth   4b, 5b, 0x03
        truth   5b, 6b, 0x07
        truth   6b, 7b, 0x0f
        truth   7b, 9b, 0x1f
        truth   9b, 11b, 0x3f
        truth   11b, 16b, 0x1e
        truth   16b, 17b, 0x1c
        truth   17b, 19b, 0
        done    scan_outer

// A frame pointer, which saves the caller's reference in RBP; a stack root; the argument a reference from the start.
        function scan_middle, 0x25, 1, 0, 0, -6
1:      save    rbp
        movq    %rsp, %rbp
        .cfi_def_cfa_register %rbp
        pushq   %r14
        .cfi_offset %r14, -24
        pushq   %rbx
        .cfi_offset %rbx, -32
        subq    $16, %rsp
2:      movq    $0, (%rsp)
3:      movq    %rdi, %rbx
4:      xorl    %edi, %edi
        movq    48(%rsi), %r14
5:      movq    %r14, (%rsp)
        xorl    %r14d, %r14d
6:      movq    %rsi, %rdi
        callq   scan_leaf
7:      xorl    %ebx, %ebx
8:      movq    $0, (%rsp)
9:      addq    $16, %rsp
        popq    %rbx
        .cfi_restore %rbx
        popq    %r14
        .cfi_restore %r14
        popq    %rbp
        .cfi_restore %rbp
        .cfi_def_cfa %rsp, 8
10:     retq
11:
        state   1b, 2b, PROLOGUE, RDI
        state   2b, 3b, WHOLE, RDI
        state   3b, 4b, WHOLE, RDI, ready=1
        state   4b, 5b, WHOLE, RBX, ready=1
        state   5b, 6b, WHOLE, RBX|R14, ready=1
        state   6b, 7b, WHOLE, RBX, ready=1
        state   7b, 8b, WHOLE, 0, ready=1
        state   8b, 9b, WHOLE
        state   9b, 10b, EPILOGUE
        state   10b, 11b, ENTRY
        truth   1b, 5b, 0x3f
        truth   5b, 7b, 0x7f
        truth   7b, 8b, 0x5f
        truth   8b, 11b, 0x1f
        done    scan_middle

// No frame: a reference in the red zone only.
        function scan_leaf, 0, 0, 1, 0, NONE
1:      movq    56(%rdi), %rax
2:      movq    %rax, -16(%rsp)
        xorl    %eax, %eax
3:      nop
        movq    -16(%rsp), %rcx
4:      nop
5:      retq
6:
        state   1b, 2b, WHOLE
        state   2b, 3b, WHOLE, RAX
        state   3b, 4b, WHOLE, 0, -3
        state   4b, 5b, WHOLE, RCX
        state   5b, 6b, WHOLE
        truth   1b, 2b, 0x7f
        truth   2b, 5b, 0xff
        truth   5b, 6b, 0x7f
        done    scan_leaf

// A realigned frame: found by RBP, its slots by RSP. Calls a function that parks.
        function scan_realigned, 1, 1, 0, 1, NONE
1:      save    rbp
        movq    %rsp, %rbp
        .cfi_def_cfa_register %rbp
        andq    $-64, %rsp
        subq    $64, %rsp
2:      movq    64(%rdi), %rax
3:      movq    %rax, 16(%rsp)
4:      callq   *128(%rdi)
5:      nop
6:      leave
        .cfi_def_cfa %rsp, 8
        .cfi_restore %rbp
7:      retq
8:
        state   1b, 2b, UNSAFE
        state   2b, 3b, WHOLE
        state   3b, 4b, WHOLE, RAX
        state   4b, 5b, WHOLE, 0, 2
        state   5b, 6b, WHOLE, 0, 2
        state   6b, 7b, UNSAFE
        state   7b, 8b, ENTRY
        truth   2b, 3b, 0x1e
        truth   3b, 6b, 0x11e
        truth   7b, 8b, 0x1e
        done    scan_realigned

// Calls foreign code with references in callee-saved registers.
        function scan_call_foreign, 0x3f, 0, 8, 0, NONE
1:      push_all
        subq    $8, %rsp
        .cfi_adjust_cfa_offset 8
2:      movq    %rdi, %rbx
        movq    0(%rbx), %rbp
        movq    8(%rbx), %r12
        movq    16(%rbx), %r13
        movq    24(%rbx), %r14
        movq    32(%rbx), %r15
3:      callq   *136(%rbx)
4:      nop
5:      addq    $8, %rsp
        .cfi_adjust_cfa_offset -8
        pop_all
6:      retq
7:
        state   1b, 2b, PROLOGUE
        state   2b, 3b, UNSAFE
        state   3b, 5b, WHOLE, RBP|R12|R13|R14|R15
        state   5b, 6b, EPILOGUE
        state   6b, 7b, ENTRY
        truth   3b, 5b, 0x1f
        done    scan_call_foreign

// What foreign code calls back: parks with a reference in a register of its own that its caller has a value in.
        function scan_called_back, 0x20, 0, 2, 0, NONE
1:      save    rbx
2:      movq    40(%rdi), %rbx
3:      callq   *128(%rdi)
4:      xorl    %eax, %eax
5:      restore rbx
6:      retq
7:
        state   1b, 2b, PROLOGUE
        state   2b, 3b, WHOLE
        state   3b, 4b, WHOLE, RBX
        state   4b, 5b, WHOLE
        state   5b, 6b, EPILOGUE
        state   6b, 7b, ENTRY
        done    scan_called_back

// Fills the callee-saved registers with RSI[0..5] (RBP, R15, R14, R13, R12, RBX) and calls RDI(RDX).
        .globl  scan_call_with_registers
        .type   scan_call_with_registers, @function
scan_call_with_registers:
        .cfi_startproc
        push_all
        subq    $8, %rsp
        .cfi_adjust_cfa_offset 8
        movq    %rdi, %rax
        movq    %rdx, %rdi
        movq    0(%rsi), %rbp
        movq    8(%rsi), %r15
        movq    16(%rsi), %r14
        movq    24(%rsi), %r13
        movq    32(%rsi), %r12
        movq    40(%rsi), %rbx
        callq   *%rax
        addq    $8, %rsp
        .cfi_adjust_cfa_offset -8
        pop_all
        retq
        .cfi_endproc
        .size   scan_call_with_registers, . - scan_call_with_registers

        .section .note.GNU-stack, "", @progbits
