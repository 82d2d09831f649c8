// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Problem: change from one stack to another on the same thread, and give a fresh stack a first frame that ends every walk.
//
// void __stillpoint_switch_context(void **from, void *to)
//   Called    by the scheduler and by the runtime on a task's behalf, on either kind of stack; never from a signal handler.
//   Saves     RBP, RBX, R12-R15 on the current stack (the ABI's callee-saved set), then RSP in *from. Every other register is dead at a call.
//   Not saved MXCSR and the x87 control word, although the ABI calls them preserved: they are of the task, not of the stack, and
//             preempt::leave_task/enter_task carry them (with errno and the exception globals) and compare before they reload.
//   Resumes   whoever switched away from `to`, as a return from its call; or __stillpoint_task_start on a stack from make_context.
//
//   A saved context, from its stack pointer up:  R15 R14 R13 R12 RBX RBP return-address
//   (runtime/arch/x86_64/context.cpp builds the same for a fresh stack; context_frame there is checked against the offsets below.)
//
// Return addresses are changed under the processor's shadow stack, if it had one: these objects carry no SHSTK property, so the dynamic
// linker leaves shadow stacks off.
//
// Rejected: saving MXCSR and x87 control here (two stores and two loads on every switch, and still not the status flags).

// void __stillpoint_leave_context(void **from, void *to)
//   The same, but for its end: it resumes `to` by a jump. A processor predicts where a return goes by the calls before it, and predicts
//   wrongly on another stack. Who leaves a task this way, for a scheduler that went to the task by arch::enter_context (a jump here instead of a
//   call), leaves those predictions in step: the jump's target is always the same, and the return into the next task is the counterpart of the
//   call by which the last one left.

        .macro  switch_stacks
        pushq   %rbp
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %rbp, 0
        pushq   %rbx
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %rbx, 0
        pushq   %r12
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %r12, 0
        pushq   %r13
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %r13, 0
        pushq   %r14
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %r14, 0
        pushq   %r15
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %r15, 0
        movq    %rsp, (%rdi)
        // From here the frame is the other stack's, of the same shape: the CFI stays true.
        movq    %rsi, %rsp
        popq    %r15
        .cfi_adjust_cfa_offset -8
        .cfi_restore %r15
        popq    %r14
        .cfi_adjust_cfa_offset -8
        .cfi_restore %r14
        popq    %r13
        .cfi_adjust_cfa_offset -8
        .cfi_restore %r13
        popq    %r12
        .cfi_adjust_cfa_offset -8
        .cfi_restore %r12
        popq    %rbx
        .cfi_adjust_cfa_offset -8
        .cfi_restore %rbx
        popq    %rbp
        .cfi_adjust_cfa_offset -8
        .cfi_restore %rbp
        .endm

        .text
        .globl  __stillpoint_switch_context
        .hidden __stillpoint_switch_context
        .type   __stillpoint_switch_context, @function
        .p2align 4
__stillpoint_switch_context:
        .cfi_startproc
        switch_stacks
        retq
        .cfi_endproc
        .size   __stillpoint_switch_context, . - __stillpoint_switch_context

        .globl  __stillpoint_leave_context
        .hidden __stillpoint_leave_context
        .type   __stillpoint_leave_context, @function
        .p2align 4
__stillpoint_leave_context:
        .cfi_startproc
        switch_stacks
        popq    %rcx
        .cfi_adjust_cfa_offset -8
        .cfi_register %rip, %rcx
        jmpq    *%rcx
        .cfi_endproc
        .size   __stillpoint_leave_context, . - __stillpoint_leave_context

// The first frame of every task. make_context leaves: RBX entry, R12 argument, R13 finished, RBP 0, RSP 16-byte aligned.
//
// __stillpoint_task_base is the return address of the call to entry: a walk of a task's frames that ends anywhere else has met something it
// does not know. For unwinders the return address is undefined, which ends the stack; and the personality routine ends the program
// when an exception gets here, in the search phase, so that the frames that threw it are still there for a core dump.
//
// finished() is jumped to, with its return address pushed by hand: the switch that brought us here was a return, so a call too many would put
// the processor's predictions of returns out of step for the task that is switched to, and all its returns would be predicted wrongly.
        .globl  __stillpoint_task_start
        .hidden __stillpoint_task_start
        .globl  __stillpoint_task_base
        .hidden __stillpoint_task_base
        .type   __stillpoint_task_start, @function
        .p2align 4
__stillpoint_task_start:
        .cfi_startproc
        .cfi_personality 0x9b, .Ltask_personality       // DW_EH_PE_indirect | pcrel | sdata4
        .cfi_undefined %rip
        .cfi_def_cfa %rsp, 0
        movq    %r12, %rdi
        xorl    %ebp, %ebp
        callq   *%rbx
__stillpoint_task_base:
        leaq    .Lfinished_returned(%rip), %rcx
        pushq   %rcx
        jmpq    *%r13
.Lfinished_returned:
        ud2                                             // finished() does not return
        .cfi_endproc
        .size   __stillpoint_task_start, . - __stillpoint_task_start

        .hidden __stillpoint_task_personality
        .section .data.rel.ro.local, "aw", @progbits
        .p2align 3
        .type   .Ltask_personality, @object
.Ltask_personality:
        .quad   __stillpoint_task_personality
        .size   .Ltask_personality, 8

        .section .note.GNU-stack, "", @progbits
