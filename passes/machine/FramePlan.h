// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Problem: the table describes one whole frame per fragment and each point relative to it; prologues and epilogues of the standard shape
// cost one run each.
//
// Mechanism: of all states that FrameFlow found, the one with the most registers saved that covers the most instructions is the whole
// frame. Every other state is then entry, explicit depth, or unknown. Standard prologues and epilogues are found by their instructions,
// whose byte lengths the format implies.
#ifndef STILLPOINT_PASSES_MACHINE_FRAMEPLAN_H
#define STILLPOINT_PASSES_MACHINE_FRAMEPLAN_H

#include "passes/emit/Encoding.h"
#include "passes/machine/FrameFlow.h"

namespace stillpoint {

struct PointFrame {
  abi::frame_form Form = abi::frame_unknown;
  emit::PointState::Standard Sequence = emit::PointState::Standard::None;
  uint32_t Depth = 0; // words, only with frame_explicit
};

class FramePlan {
public:
  FramePlan(const Code &C, const FrameFlow &Flow);
  const emit::FrameDescription &description() const { return Description; }
  const PointFrame &at(unsigned Index) const { return Points[Index]; }

private:
  void chooseWhole();
  PointFrame formOf(const FrameState &S) const;
  bool isWhole(const FrameState &S) const;
  void findSequences();
  unsigned matchPrologue(unsigned Begin, unsigned End) const;
  unsigned matchEpilogue(unsigned Begin, unsigned End) const;
  bool isMakingRoom(const Instruction &I) const;
  bool isRegisterOp(unsigned Index, unsigned End, OpClass Class, unsigned Number) const;

  const Code &C;
  const FrameFlow &Flow;
  FrameState Whole;
  emit::FrameDescription Description;
  std::vector<PointFrame> Points;
};

} // namespace stillpoint

#endif
