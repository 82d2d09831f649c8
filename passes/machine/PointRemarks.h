// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the machine pass decided, for people: optimisation remarks (why are points unsafe or pinned?) and a dump of every point.
//
// Mechanism: each state comes with the name of the rule that made it what it is. A stretch of points with one rule and one debug location is one remark, in LLVM's
// usual form, which -Rpass-analysis=stillpoint shows and -fsave-optimization-record writes down.
// Invariant: nothing here changes a state or an instruction.
#ifndef STILLPOINT_PASSES_MACHINE_POINTREMARKS_H
#define STILLPOINT_PASSES_MACHINE_POINTREMARKS_H

#include "passes/emit/States.h"
#include "passes/machine/Code.h"

namespace stillpoint {

/// A point's state and the name of the rule that forbids or pins a stop; null where none does.
struct RuledState {
  emit::PointState State;
  const char *Rule = nullptr;
};

/// One remark for each stretch of points that are unsafe or pinned for the same reason, if anybody wants to know.
void remarkPoints(const Code &C, llvm::ArrayRef<RuledState> Points);

/// Prints each instruction with its state and its rule to standard error.
void dumpPoints(const Code &C, llvm::ArrayRef<RuledState> Points, const emit::FrameDescription &Frame);

} // namespace stillpoint

#endif
