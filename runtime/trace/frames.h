// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Where a task is: the return addresses on its stack, for people to read.
//
// Problem: a trace is wanted most when something is wrong, so nothing on the stack may be believed and nothing that is missing may end the program.
// Mechanism: managed frames by the tables with the checked step of preempt/walk.h, foreign ones by libunwind (scan/foreign.h); what cannot be
// stepped over ends the trace, with the reason.
// Invariants: signal safe as far as libunwind is; the tables' steps read nothing outside of the stack.
// Rejected: the collector's walk (scan/scan.h): it must end the program where this one may shrug, and knows roots, which nobody wants here.
#ifndef STILLPOINT_RUNTIME_TRACE_FRAMES_H
#define STILLPOINT_RUNTIME_TRACE_FRAMES_H

#include "arch/arch.h"
#include "preempt/walk.h"

#include <cstdint>

namespace stillpoint::rt::trace {

enum class ending : std::uint8_t {
  complete,
  not_started,   // it has no frames yet
  too_deep,      // there are more frames
  unknown_frame, // the tables do not say where the frame is, or the stack contradicts them
  no_unwinding,  // foreign code without unwind tables, or without libunwind.so.8
  not_attempted, // foreign code, and the stack may change meanwhile
  elsewhere,     // the thread is on another stack (a signal handler, a library's own)
  unanswered     // it runs, and did not answer in time
};

struct trail {
  static constexpr unsigned most = 100;
  unsigned count = 0;
  ending why = ending::unanswered;
  bool interrupted = false; // the first is an instruction's address, the others are return addresses
  std::uintptr_t pc[most];
};

// From `places` to the task's first frame. `foreign_too`: the stack does not change meanwhile. The caller holds no map::reader_scope.
void follow(const preempt::stack_bounds &stack, arch::register_places places, bool interrupted, bool foreign_too, trail &out) noexcept;

} // namespace stillpoint::rt::trace

#endif
