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
  const char *Rule = nullptr; // if Unsafe: the first reason
  void forbid(const char *Why, bool Callees) {
    Rule = Unsafe ? Rule : Why;
    Unsafe = true;
    CalleesUnsafe |= Callees;
  }
};

class References {
public:
  References(const Code &C, const FrameFlow &Frames, const Liveness &Live);

  /// Whether there is anything to say.
  bool any() const { return Undescribed || Flow; }
  PointReferences at(unsigned Index, abi::frame_form Form) const;
  /// Why references that live across the call cannot be said; null if they can, or if nobody ever looks: a collection under such a call would have to end
  /// the program. `Walkable`: whether the point's state lets a walk pass.
  const char *whyLostAcross(unsigned Index, abi::frame_form Form, bool Walkable) const;
  /// Adds the base of slots and the stack roots.
  void describe(emit::FrameDescription &Frame) const;
  /// Slots are counted from RBX: whoever walks the frame needs it.
  bool foundByRbx() const { return Flow && Stack->base() == emit::SlotBase::BasePointer; }

  // What one instruction does to locations, by the names of the table.
  /// Registers whose old value is gone behind it.
  uint16_t writtenRegisters(unsigned Index) const;
  llvm::SmallVector<int32_t, 2> writtenSlots(unsigned Index) const;
  /// The slot that its result is a copy of.
  std::optional<int32_t> reloads(unsigned Index) const;
  /// A slot, and the register that it becomes a copy of.
  std::optional<std::pair<int32_t, unsigned>> spills(unsigned Index) const;
  /// The references among what it adds up.
  uint16_t offsetBase(unsigned Index) const { return Flow ? Flow->offsetBase(Index) : 0; }

  /// Registers that a frame further up the stack can be asked for.
  static constexpr uint16_t FoundInOuterFrames = 1u << RBX | 1u << RBP | 1u << R12 | 1u << R13 | 1u << R14 | 1u << R15;

private:
  bool losesAcrossCall(unsigned Index) const;
  const WordAccess *slotAccess(unsigned Index) const;
  void addSlots(unsigned Index, abi::frame_form Form, PointReferences &R) const;

  const Code &C;
  std::unique_ptr<StackWords> Stack;
  std::unique_ptr<ReferenceFlow> Flow;
  bool Undescribed = false;
  bool Reported = false; // by whoever found it undescribed
  bool EntryUnsafe = false;
  bool OnlyBarriersPreserve = false; // whatever preserves more registers than usual is the write barrier
};

} // namespace stillpoint

#endif
