// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Problem: what does the table say of references at a point, and where can it not say it?
//
// Mechanism: ReferenceFlow finds the locations, StackWords their names. What has no name makes the point unsafe: a reference in a vector register, a word
// that the frame's base does not reach, an outgoing argument on the stack (from its store up to the call), everything in front of the RootsMarker in a
// function that was passed references in memory.
//
// Invariants: at a point that is not unsafe, for every reference that is live, its location is listed. At a call that a callee may be stopped in, the
// same holds for what is live across the call. A function that holds references that nothing describes is unsafe as a whole.
//
// Smoothing: a register or word that is dead may stay listed for a few instructions, up to the next change of state, since every change costs a
// byte or two. Never over a call or the end of a block, so that what is dead can be collected; never behind a write to it.
#ifndef STILLPOINT_PASSES_MACHINE_REFERENCES_H
#define STILLPOINT_PASSES_MACHINE_REFERENCES_H

#include "passes/machine/FramePlan.h"
#include "passes/machine/ReferenceFlow.h"

#include <memory>

namespace stillpoint {

struct PointReferences {
  uint16_t Registers = 0;
  std::vector<int32_t> Slots;
  bool RootsReady = false;
  bool Unsafe = false;        // there is a reference that cannot be named here
  bool CalleesUnsafe = false; // at a call: one that is live across it
};

class References {
public:
  References(const Code &C, const FrameFlow &Frames, const Liveness &Live);

  /// Whether there is anything to say.
  bool any() const { return Undescribed || Flow; }
  PointReferences at(unsigned Index, abi::frame_form Form) const;
  /// Adds the base of slots and the stack roots.
  void describe(emit::FrameDescription &Frame) const;
  /// Whether the value of a listed location is written by an instruction.
  uint16_t writtenRegisters(unsigned Index) const;
  bool writesFrame(unsigned Index) const;

private:
  uint16_t survivors(unsigned Index) const;
  void addSlots(unsigned Index, abi::frame_form Form, PointReferences &R) const;

  const Code &C;
  std::unique_ptr<StackWords> Stack;
  std::unique_ptr<ReferenceFlow> Flow;
  bool Undescribed = false;
  bool EntryUnsafe = false;
};

} // namespace stillpoint

#endif
