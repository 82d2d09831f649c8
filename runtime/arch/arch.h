// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the rest of the runtime may know of a processor. Everything that depends on one sits behind this header in arch/<name>/; nobody else
// tests for an architecture.
//
// Invariants: every function here is async-signal safe but initialize() and make_context().
#ifndef STILLPOINT_RUNTIME_ARCH_ARCH_H
#define STILLPOINT_RUNTIME_ARCH_ARCH_H

#include "stillpoint/abi/map_format.h"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <ucontext.h>

namespace stillpoint::rt {
struct task;
struct worker;
struct thread_image;
struct managed_caller;
} // namespace stillpoint::rt

namespace stillpoint::rt::arch {

// A counter that grows steadily, some billions a second; where nobody knows, and on which processor, does not matter to those who ask.
inline std::uint64_t ticks() noexcept { return __builtin_ia32_rdtsc(); }

// A system call without the C library: its result, or minus an error number. It knows of no errno, and pthread_cancel() does not end it.
[[gnu::always_inline]] inline long system_call(long number, long a, long b, long c, long d = 0, long e = 0, long f = 0) noexcept {
  register long r10 asm("r10") = d;
  register long r8 asm("r8") = e;
  register long r9 asm("r9") = f;
  long result;
  asm volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9) : "rcx", "r11", "memory");
  return result;
}

// Finds out how much vector state there is. Once, before the handler is installed.
void initialize() noexcept;

// What the thread-local rt::current_worker holds on the thread that runs now: nothing of it is known from before a switch. The same as this_worker(),
// without a call.
[[gnu::always_inline]] inline worker *worker_now() noexcept {
  worker *w;
  asm volatile("movq _ZN10stillpoint2rt14current_workerE@GOTTPOFF(%%rip), %0\n\t"
               "movq %%fs:(%0), %0"
               : "=r"(w)
               :
               : "memory");
  return w;
}

// Saves the callee-saved registers on the current stack, stores the stack pointer to *from, loads `to` and restores from there.
extern "C" void __stillpoint_switch_context(void **from, void *to) noexcept;

// The same in two halves that go together: a scheduler's loop enters a task, which leaves for the loop. Faster, because the processor can tell
// where they go (switch_context.S).
extern "C" void __stillpoint_leave_context(void **from, void *to) noexcept;
[[gnu::always_inline]] inline void enter_context(void **from, void *to) noexcept {
  // Below the red zone, if this function should have one.
  asm volatile("leaq -128(%%rsp), %%rsp\n\t"
               "leaq 1f(%%rip), %%rax\n\t"
               "pushq %%rax\n\t"
               "jmp __stillpoint_switch_context\n"
               "1:\n\t"
               "leaq 128(%%rsp), %%rsp"
               : "+D"(from), "+S"(to)
               :
               : "rax", "rcx", "rdx", "r8", "r9", "r10", "r11", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8",
                 "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15", "mm0", "mm1", "mm2", "mm3", "mm4", "mm5", "mm6", "mm7", "st",
                 "cc", "memory");
}

// See runtime/sched/core.h.
void *make_context(std::uintptr_t stack_high, void (*entry)(void *), void *argument, void (*finished)()) noexcept;

// The return address of the call to a task's entry: where a walk of its frames has to end.
std::uintptr_t task_base() noexcept;

// The registers that a walk over frames follows.
struct walk_registers {
  std::uintptr_t pc = 0;
  std::uintptr_t sp = 0;
  std::uintptr_t frame = 0; // RBP
};

walk_registers interrupted_registers(const ucontext_t &context) noexcept;

// Where the general registers of a task that does not run are: the addresses of their values, by encoding number; null where the value is lost
// (in a caller, all but the callee-saved ones). Those of RSP are null: `sp` is its value.
inline constexpr unsigned general_register_count = 16;
inline constexpr unsigned register_rbx = 3, register_rsp = 4, register_rbp = 5;
struct register_places {
  std::uintptr_t pc = 0;
  std::uintptr_t sp = 0;
  std::uintptr_t *at[general_register_count] = {};
};

// The encoding number of an abi::saved_register.
inline constexpr std::uint8_t saved_register_number[abi::saved_register_count] = {register_rbp, 15, 14, 13, 12, register_rbx};

// `saved` is what inject_preempt returned (task::interrupted): all registers, at the interrupted instruction.
register_places interrupted_places(std::uintptr_t saved) noexcept;
// Lets the stopped task go on at another instruction, which finds all registers as this one would.
void continue_at(std::uintptr_t saved, std::uintptr_t pc) noexcept;
// What a signal interrupted; the addresses are inside of `context`.
register_places context_places(ucontext_t &context) noexcept;
// At a call from managed code; `caller` knows where the registers are.
register_places caller_places(const managed_caller &caller) noexcept;

// Bytes that the injected call needs below the interrupted stack pointer: red zone, return address, saved state, and the runtime's own frames.
std::size_t injection_room(bool vector_live) noexcept;

// Saves the interrupted context's general registers on its stack and changes it so that it continues in async_preempt, which returns to where it
// was interrupted. Returns where they are: task::interrupted.
std::uintptr_t inject_preempt(ucontext_t &context, bool vector_live) noexcept;

// The registers at the point that such a saved area describes.
walk_registers saved_registers(std::uintptr_t saved) noexcept;

// Return traps (return_trap.S): a foreign function whose return address was replaced by that of a trap returns to it, and it calls
// __stillpoint_returned with its cell. Trap and cell have the same index.
struct return_cell {
  std::uintptr_t original;         // the true return address
  std::uintptr_t slot;             // where it stood
  std::atomic<const task *> owner; // null: free
  std::uintptr_t unused;
};
inline constexpr std::size_t return_trap_count = 256;
static_assert(sizeof(return_cell) == 32 && std::atomic<const task *>::is_always_lock_free); // as return_trap.S has it
extern "C" [[gnu::visibility("hidden")]] return_cell __stillpoint_return_cells[return_trap_count];
extern "C" [[gnu::visibility("hidden")]] const unsigned char __stillpoint_return_traps[];

// The trap's cell if `pc` is a trap's address, else null.
inline return_cell *trap_at(std::uintptr_t pc) noexcept {
  const std::uintptr_t offset = pc - reinterpret_cast<std::uintptr_t>(__stillpoint_return_traps);
  if (offset >= sizeof __stillpoint_return_cells || offset % sizeof(return_cell) != 0) [[likely]]
    return nullptr;
  return &__stillpoint_return_cells[offset / sizeof(return_cell)];
}
// A return address as it stands on a stack, or the one that a trap stands for.
inline std::uintptr_t true_return(std::uintptr_t pc) noexcept {
  const return_cell *const cell = trap_at(pc);
  return cell == nullptr ? pc : cell->original;
}
// The address that a cell's trap has.
inline std::uintptr_t trap_of(const return_cell &cell) noexcept {
  return reinterpret_cast<std::uintptr_t>(__stillpoint_return_traps) +
         static_cast<std::uintptr_t>(&cell - __stillpoint_return_cells) * sizeof(return_cell);
}

// Whether a call's bytes end at `pc`. Managed code only: some bytes in front of it are read.
bool is_behind_call(std::uintptr_t pc) noexcept;
// Whether `pc` is at a linker's stub, which jumps to the function that was called: who that is, is not known yet.
bool is_at_stub(std::uintptr_t pc) noexcept;
// Whether the processor compares return addresses with those on a shadow stack, on this thread.
bool has_shadow_stack() noexcept;

// The floating-point unit's control and status words. read: thread -> image. write: image -> thread, only what differs. reset: what a fresh
// thread has, so that the scheduler computes with its own rounding and takes no task's pending trap.
void read_float_words(thread_image &image) noexcept;
void write_float_words(const thread_image &image) noexcept;
void reset_float_words() noexcept;
// The words by themselves, for a thread that goes from one task to another.
[[gnu::always_inline]] inline void read_float_words(std::uint32_t &mxcsr, std::uint16_t &x87_control, std::uint16_t &x87_status) noexcept {
  asm volatile("stmxcsr %0\n\tfnstcw %1\n\tfnstsw %2" : "=m"(mxcsr), "=m"(x87_control), "=m"(x87_status));
}

// Overwrites all vector, mask and x87 registers that there are; the control words are a fresh thread's afterwards.
void overwrite_scratch() noexcept;

} // namespace stillpoint::rt::arch

#endif
