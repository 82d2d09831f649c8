// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The choice of the whole frame and the shapes of prologues and epilogues (see FramePlan.h; map_format.h draws both).
#include "passes/machine/FramePlan.h"

#include "llvm/CodeGen/MachineBasicBlock.h"
#include "llvm/CodeGen/TargetFrameLowering.h"
#include "llvm/CodeGen/TargetSubtargetInfo.h"

using namespace llvm;

namespace stillpoint {

using Standard = emit::PointState::Standard;

FramePlan::FramePlan(const Code &C, const FrameFlow &Flow) : C(C), Flow(Flow) {
  chooseWhole();
  std::vector<PointFrame> ByState;
  ByState.reserve(Flow.states().size());
  for (const FrameState &S : Flow.states())
    ByState.push_back(formOf(S));
  Points.resize(C.size());
  for (unsigned I = 0; I != C.size(); ++I)
    Points[I] = ByState[Flow.id(I)];
  findSequences();
}

void FramePlan::chooseWhole() {
  std::vector<unsigned> Count(Flow.states().size());
  for (unsigned I = 0; I != C.size(); ++I)
    ++Count[Flow.id(I)];
  bool WantsRbp = C.MF.getSubtarget().getFrameLowering()->hasFP(C.MF);
  auto IsCandidate = [&](const FrameState &S) {
    if (!S.recoverable())
      return false;
    return WantsRbp ? S.FramePointer == FrameState::Rbp::Frame && S.Slot[abi::saved_rbp] == 16
                    : S.Depth != FrameState::Unknown && S.Depth % 8 == 0;
  };
  // With RBP as the frame pointer the depth does not matter, so states that differ only in it count together.
  auto SameFrame = [&](const FrameState &A, const FrameState &B) { return A.Slot == B.Slot && (WantsRbp || A.Depth == B.Depth); };
  const FrameState *Best = nullptr;
  unsigned BestSaved = 0, BestCount = 0;
  for (const FrameState &S : Flow.states()) {
    if (!IsCandidate(S))
      continue;
    unsigned Saved = static_cast<unsigned>(popcount(S.savedMask())), Total = 0;
    for (size_t T = 0; T != Count.size(); ++T)
      if (IsCandidate(Flow.states()[T]) && SameFrame(S, Flow.states()[T]))
        Total += Count[T];
    if (!Best || Saved > BestSaved || (Saved == BestSaved && Total > BestCount)) {
      Best = &S;
      BestSaved = Saved;
      BestCount = Total;
    }
  }
  if (Best)
    Whole = *Best;
  Description.Saved = Whole.savedMask();
  Description.CfaIsRbp = Best && WantsRbp;
  Description.Words = static_cast<uint32_t>(Description.CfaIsRbp ? 0 : Whole.Depth / 8);
  uint32_t Implied = 2;
  for (unsigned R = 0; R != abi::saved_register_count; ++R) {
    if (!Whole.Slot[R])
      continue;
    Description.Slots[R] = static_cast<uint32_t>(Whole.Slot[R] / 8);
    Description.ExplicitSlots |= Description.Slots[R] != Implied++;
  }
}

bool FramePlan::isWhole(const FrameState &S) const {
  if (S.Slot != Whole.Slot || !S.recoverable())
    return false;
  return Description.CfaIsRbp ? S.FramePointer == FrameState::Rbp::Frame : S.Depth == Whole.Depth;
}

PointFrame FramePlan::formOf(const FrameState &S) const {
  if (isWhole(S))
    return {abi::frame_whole, Standard::None, 0};
  if (S.Depth == 8 && S.Intact == (1u << abi::saved_register_count) - 1)
    return {abi::frame_entry, Standard::None, 0};
  if (S.Depth != FrameState::Unknown && S.Depth % 8 == 0 && S.Slot == Whole.Slot && S.recoverable())
    return {abi::frame_explicit, Standard::None, static_cast<uint32_t>(S.Depth / 8)};
  return {};
}

bool FramePlan::isRegisterOp(unsigned Index, unsigned End, OpClass Class, unsigned Number) const {
  return Index != End && C.Instructions[Index].Class == Class &&
         C.Model.general64(C.Instructions[Index].MI->getOperand(0).getReg()) == Number;
}

bool FramePlan::isMakingRoom(const Instruction &I) const {
  switch (I.Class) {
  case OpClass::Push:
    return true;
  case OpClass::SubImmediate:
  case OpClass::AddImmediate:
  case OpClass::LoadAddress:
    return C.Model.general64(I.MI->getOperand(0).getReg()) == RSP;
  default:
    return false;
  }
}

// The end of a standard prologue that begins at `Begin`, or `Begin`.
unsigned FramePlan::matchPrologue(unsigned Begin, unsigned End) const {
  unsigned I = Begin;
  for (unsigned R = 0; R != abi::saved_register_count; ++R) {
    if (!(Description.Saved >> R & 1))
      continue;
    if (!isRegisterOp(I, End, OpClass::Push, SavedRegisterNumber[R]))
      return Begin;
    ++I;
    if (R == abi::saved_rbp && Description.CfaIsRbp) {
      if (!isRegisterOp(I, End, OpClass::Move, RBP) || C.Model.general64(C.Instructions[I].MI->getOperand(1).getReg()) != RSP)
        return Begin;
      ++I;
    }
  }
  if (I != End && Points[I].Form == abi::frame_whole)
    return I;
  if (I == End || Description.CfaIsRbp || !isMakingRoom(C.Instructions[I]))
    return Begin;
  ++I;
  return I != End && Points[I].Form == abi::frame_whole ? I : Begin;
}

// The end of the pops of a standard epilogue that begin at `Begin`, or `Begin`.
unsigned FramePlan::matchEpilogue(unsigned Begin, unsigned End) const {
  unsigned Saved = static_cast<unsigned>(popcount(Description.Saved));
  const FrameState &S = Flow.before(Begin);
  if (S.Depth != static_cast<int32_t>(8 + 8 * Saved) || S.Slot != Whole.Slot)
    return Begin;
  unsigned I = Begin;
  for (unsigned R = abi::saved_register_count; R-- > 0;) {
    if (!(Description.Saved >> R & 1))
      continue;
    if (!isRegisterOp(I, End, OpClass::Pop, SavedRegisterNumber[R]))
      return Begin;
    ++I;
  }
  return I != End && Points[I].Form == abi::frame_entry ? I : Begin;
}

void FramePlan::findSequences() {
  if (!Description.Saved || Description.ExplicitSlots)
    return;
  for (const MachineBasicBlock &B : C.MF) {
    const BlockRange &Range = C.range(B);
    for (unsigned I = Range.Begin; I < Range.End;) {
      OpClass Class = C.Instructions[I].Class;
      unsigned To = I;
      Standard Sequence = Standard::None;
      if (Class == OpClass::Push && Points[I].Form == abi::frame_entry) {
        To = matchPrologue(I, Range.End);
        Sequence = Standard::Prologue;
      } else if (Class == OpClass::Pop) {
        To = matchEpilogue(I, Range.End);
        Sequence = Standard::Epilogue;
      }
      if (To == I) {
        ++I;
        continue;
      }
      for (; I != To; ++I)
        Points[I] = {abi::frame_unknown, Sequence, 0};
    }
  }
}

} // namespace stillpoint
