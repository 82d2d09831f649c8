// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Frames of foreign code in the middle of a stack: managed code that qsort or a library called back.
//
// Mechanism: libunwind reads the unwind tables of the code and says for each callee-saved register where its value is saved. It is loaded with dlopen,
// before the world is stopped for the first time: linked like any library it would put its own _Unwind_RaiseException before libgcc's,
// and every exception of the program would go through it.
// Invariant: code without unwind tables is not guessed at (libunwind would follow RBP): the walk fails.
// Rejected: the static library (not position-independent), libgcc's _Unwind_Backtrace (walks only the calling thread's own stack).
#ifndef STILLPOINT_RUNTIME_SCAN_FOREIGN_H
#define STILLPOINT_RUNTIME_SCAN_FOREIGN_H

#include "runtime/arch/arch.h"

#include <cstddef>
#include <cstdint>

namespace stillpoint::rt::scan {

// Loads libunwind, once. May allocate and take the loader's lock: not while the world is stopped.
void prepare_foreign() noexcept;

// Whether to go on from this return address.
using is_foreign = bool (*)(std::uintptr_t pc) noexcept;

// Steps from the foreign frame that `places` describe to the first caller that is not foreign any more; `frames` counts the steps.
// False: there is no way, with `places` at the frame where it ended. `interrupted`: the PC is an instruction's, not a return address.
bool step_foreign(arch::register_places &places, is_foreign foreign, std::uint64_t &frames, bool interrupted = false) noexcept;

// The name of the procedure that a return address (or an instruction) lies in, as the symbol tables have it, and how far behind its beginning.
// False: none is known. Allocates nothing; maps the file that the code came from for a moment.
bool procedure_name(std::uintptr_t pc, bool interrupted, char *name, std::size_t room, std::uintptr_t &offset) noexcept;

} // namespace stillpoint::rt::scan

#endif
