// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Steps over one frame of foreign code, in a signal handler.
//
// Problem: the place where a foreign function keeps its return address is known only to the unwind tables (.eh_frame) of its object, and the handler
// interrupts any instruction of it.
// Mechanism: _dl_find_object (glibc 2.35; lock-free and async-signal safe) names the object and its .eh_frame_hdr; a binary search there, and the
// rules of the one procedure are computed up to the PC. Only what compilers write for procedures is understood; expressions, signal frames and
// odd encodings are not, and the answer is no.
// Invariants: no lock, no allocation. Of an object only bytes inside its mapping are read, of the stack only words inside its bounds. A step
// goes up the stack. Registers whose values the rules lose are known no more, and a frame that is found by one of them is not found.
// Rejected: libunwind (locks, caches, dl_iterate_phdr) and libgcc's unwinder (follows any address, aborts on what it does not understand).
// Sources: the System V ABI for x86-64, 3.6 and 3.7; DWARF 5, 6.4; the Linux Standard Base on .eh_frame and .eh_frame_hdr.
#ifndef STILLPOINT_RUNTIME_PREEMPT_CFI_H
#define STILLPOINT_RUNTIME_PREEMPT_CFI_H

#include "runtime/preempt/walk.h"

#include <cstdint>

namespace stillpoint::rt::preempt::cfi {

// The numbers that DWARF gives to registers (not the instructions' encoding): RAX, RDX, RCX, RBX, RSI, RDI, RBP, RSP, R8-R15, the return address.
inline constexpr unsigned rbx = 3, rbp = 6, rsp = 7, r12 = 12, return_address = 16, column_count = 17;

// A frame's registers. RSP is in `sp`.
struct registers {
  std::uintptr_t pc = 0;
  std::uintptr_t sp = 0;
  std::uintptr_t value[return_address] = {};
  std::uint32_t known = 0; // bit n: value[n] is the register's
};

struct step_result {
  std::uintptr_t function = 0; // where the procedure begins
  std::uintptr_t object = 0;   // where the object is mapped
  std::uintptr_t slot = 0;     // where the return address is
};

// Replaces `frame` by its caller's. `interrupted`: the PC is an instruction's, not a return address. False: nobody can say.
bool step(const stack_bounds &stack, registers &frame, bool interrupted, step_result &out) noexcept;

// The same for a frame with tables.
bool step_managed(const stack_bounds &stack, const map::frame_rule &at, registers &frame) noexcept;

// Where the object that holds `address` is mapped; 0: in none.
std::uintptr_t object_of(std::uintptr_t address) noexcept;

} // namespace stillpoint::rt::preempt::cfi

#endif
