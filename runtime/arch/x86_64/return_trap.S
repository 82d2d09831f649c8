// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Problem: a task is wanted off while it is in foreign code. It can be stopped where that returns to managed code, if the return leads here.
//
// Protocol
//   Called    by nobody: the handler (runtime/preempt/return_trap.cpp) has put the address of a free trap where a foreign function keeps its return
//             address, and the address that was there into the trap's cell. The function returns here, with its results in whatever
//             registers the ABI and its own convention say.
//   Does      what the handler and async_preempt.S do together: the saved area below the red zone of the caller's frame, as if the caller had been
//             interrupted at the return address, then all vector state, then __stillpoint_returned(saved area, cell), which may park.
//   Returns   by RET $128 to the true return address, with every register and flag as the foreign function left them.
//
// For unwinders, trap and caller are two frames: the trap's CFA is the caller's stack pointer, and its caller's PC is computed from the trap's own address:
// at a fixed distance behind it stands the distance to its cell. The frame is marked as a signal frame, and the PC it gives is one less than
// the return address, inside of the call: so the caller's frame differs in identity from the trap's, which libgcc tells apart by stack
// pointer and that mark only, and call-site tables still find the call.
//
// Rejected: one trap with the true address in thread-local storage (no unwind expression can read that).

#define TRAP_SIZE 32
#define TRAP_COUNT 256

        .hidden __stillpoint_returned
        .hidden __stillpoint_save_vectors

        .text
        .globl  __stillpoint_return_traps
        .hidden __stillpoint_return_traps
        .type   __stillpoint_return_traps, @function
        .p2align 5
        .skip   TRAP_SIZE - 1, 0xcc
        .cfi_startproc
        .cfi_signal_frame
        .cfi_def_cfa %rsp, 0
        // val_expression of RIP: breg16 0, dup, plus_uconst 8, deref, plus, deref, lit1, minus
        .cfi_escape 0x16, 16, 10, 0x80, 0, 0x12, 0x23, 8, 0x06, 0x22, 0x06, 0x31, 0x1c
        int3                                            // unwinders look one byte before a return address
__stillpoint_return_traps:
        .rept   TRAP_COUNT
0:      callq   .Lreturned
        .skip   3, 0xcc
        .quad   __stillpoint_return_cells - 0b + (0b - __stillpoint_return_traps)
        .p2align 5, 0xcc
        .endr
        .cfi_endproc
        .size   __stillpoint_return_traps, . - __stillpoint_return_traps

        // RSP: where the true return address was, now the trap's address + 5.
        .type   .Lreturned, @function
        .p2align 4
.Lreturned:
        .cfi_startproc
        .cfi_signal_frame
        .cfi_undefined %rip                             // until the saved area is complete
        leaq    -128(%rsp), %rsp                        // at the place of the PC
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
        cld
        movq    %rsp, %rbp
        movq    256(%rsp), %rax
        movq    3(%rax), %r13
        leaq    -5(%rax,%r13), %r13                     // the cell
        movq    (%r13), %rax
        movq    %rax, 128(%rsp)
        leaq    __stillpoint_returned(%rip), %r12
        jmp     __stillpoint_save_vectors
        .cfi_endproc
        .size   .Lreturned, . - .Lreturned

        .globl  __stillpoint_return_cells
        .hidden __stillpoint_return_cells
        .type   __stillpoint_return_cells, @object
        .bss
        .p2align 5
__stillpoint_return_cells:
        .skip   TRAP_SIZE * TRAP_COUNT
        .size   __stillpoint_return_cells, . - __stillpoint_return_cells

        .section .note.GNU-stack, "", @progbits
