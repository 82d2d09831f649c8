// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Problem: which instructions must never be the place of a stop, whatever their frame looks like?
//
// Mechanism: four rules over the printed instructions. Whole functions (asked for, or of a kind that has no walkable frame), the inside of inline
// assembly and of pseudo instructions that become several instructions, and the regions between markers (a depth, counted forward over the
// control-flow graph).
//
// Invariant: where paths join, a point is inside a region if it is so on any of them.
#ifndef STILLPOINT_PASSES_MACHINE_UNSAFEPOINTS_H
#define STILLPOINT_PASSES_MACHINE_UNSAFEPOINTS_H

#include "passes/machine/Code.h"
#include "passes/machine/Liveness.h"

namespace stillpoint {

enum class Danger : uint8_t {
  None,
  NoStop, // never stop here, but the frame is what it is
  NoFrame // nothing is known here
};

class UnsafePoints {
public:
  UnsafePoints(const Code &C, const Liveness &Live);
  Danger at(unsigned Index) const { return verdict(Index).D; }
  /// The name of the rule that says so; null where there is no danger.
  const char *ruleAt(unsigned Index) const { return verdict(Index).Rule; }
  bool isNosplit() const { return Nosplit; }
  /// Whether a callee may come back somewhere else than behind its call (setjmp), so that what is live there is not what the flow says.
  bool returnsTwice() const { return ReturnsTwice; }

private:
  struct Verdict {
    Danger D = Danger::None;
    const char *Rule = nullptr;
  };
  const Verdict &verdict(unsigned Index) const {
    return Points.empty() || WholeFunction.D >= Points[Index].D ? WholeFunction : Points[Index];
  }
  Verdict ofFunction(const Liveness &Live) const;
  void mark(unsigned Index, Verdict V);
  void markInstructions();
  void markRegions();

  const Code &C;
  bool Nosplit = false;
  bool ReturnsTwice = false;
  Verdict WholeFunction;
  std::vector<Verdict> Points; // empty: none of its own
};

} // namespace stillpoint

#endif
