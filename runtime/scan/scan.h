// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The roots in a stopped task's stack: exactly the registers and slots that the tables name, and nothing else.
//
// Mechanism: from the registers that async_preempt saved, or that a call into the runtime recorded, frame by frame by the tables; for every
// callee-saved register the walk knows at what address its value is saved, so a root is always an address. Foreign frames in between
// (a callback out of foreign code) are stepped by libunwind.
//
// Invariants: no word that the tables do not name is handed out. A stack that cannot be walked to its end is fatal: the collector cannot go on.
#ifndef STILLPOINT_RUNTIME_SCAN_SCAN_H
#define STILLPOINT_RUNTIME_SCAN_SCAN_H

#include "sched/core.h"

#include <cstdint>

namespace stillpoint::rt::scan {

// A root: the address of a word that holds a reference or null.
using root_visitor = void (*)(void *context, std::uintptr_t *root);

struct frame_counts {
  std::uint64_t managed = 0;
  std::uint64_t foreign = 0;
};

// Visits every root of `t`, which does not run. Any thread while the world is stopped, or the owner of the task's stack.
void roots(const task &t, root_visitor visit, void *context, frame_counts &counts) noexcept;

} // namespace stillpoint::rt::scan

#endif
