// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See CopyPairs.h.
#include "passes/machine/CopyPairs.h"
#include "passes/machine/BarrierChecks.h"

#include "llvm/CodeGen/MachineBasicBlock.h"

using namespace llvm;

namespace stillpoint {

CopyPairs::CopyPairs(const Code &C, const UncheckedCopies &Copies) : C(C), Copies(Copies) {
  if (Copies.Blocks.empty())
    return;
  for (const CopiedBlock &B : Copies.Blocks)
    Checked[B.Unchecked] = B.Checked;
  Counterparts.assign(C.size(), None);
  if (!all_of(Copies.Blocks, [this](const CopiedBlock &B) { return matchBlock(B); }))
    Counterparts.assign(C.size(), None);
}

bool CopyPairs::correspond(const MachineBasicBlock *Unchecked, const MachineBasicBlock *Other) const {
  auto Found = Checked.find(Unchecked);
  return Found == Checked.end() ? Unchecked == Other : Found->second == Other;
}

bool CopyPairs::areTheSame(const MachineInstr &Unchecked, const MachineInstr &Other) const {
  if (C.Model.classOf(Unchecked) != OpClass::JumpIf)
    return Unchecked.isIdenticalTo(Other);
  return C.Model.classOf(Other) == OpClass::JumpIf && Unchecked.getOperand(1).getImm() == Other.getOperand(1).getImm() &&
         correspond(Unchecked.getOperand(0).getMBB(), Other.getOperand(0).getMBB());
}

// The first instruction of the checked copy of what an unchecked copy jumps to: none of its own, or none at all.
unsigned CopyPairs::whereItJumps(const MachineInstr &Jump) const {
  const MachineBasicBlock *To = Checked.lookup(Jump.getOperand(0).getMBB());
  while (To && C.range(*To).Begin == C.range(*To).End)
    To = To->succ_size() == 1 ? *To->succ_begin() : nullptr;
  return To ? C.range(*To).Begin : None;
}

bool CopyPairs::matchBlock(const CopiedBlock &B) {
  if (B.Unchecked->getSectionID() != B.Checked->getSectionID())
    return false;
  auto IsJump = [&](unsigned I) { return C.Model.classOf(*C.Instructions[I].MI) == OpClass::Jump; };
  auto [I, End] = C.range(*B.Unchecked);
  auto [J, CheckedEnd] = C.range(*B.Checked);
  for (; I != End && !IsJump(I); ++I, ++J) {
    if (J == CheckedEnd || !areTheSame(*C.Instructions[I].MI, *C.Instructions[J].MI))
      return false;
    Counterparts[I] = J;
  }
  // What is left are the ways on: a check or a jump on one side or both, and neither does anything while nobody marks but to go on.
  bool HasCheck = J != CheckedEnd && isMarkingCompare(*C.Instructions[J].MI, C.Model);
  if (J != CheckedEnd && !HasCheck && !IsJump(J))
    return false;
  if (I == End)
    return true;
  Counterparts[I] = J != CheckedEnd ? J : whereItJumps(*C.Instructions[I].MI);
  return Counterparts[I] != None && I + 1 == End;
}

bool CopyPairs::followsTest(unsigned Index) const {
  return any_of(Copies.Tests, [&](const MachineBasicBlock *T) { return C.range(*T).End == Index; });
}

bool CopyPairs::isJump(unsigned Index) const {
  OpClass Class = C.Model.classOf(*C.Instructions[Index].MI);
  return Class == OpClass::Jump || Class == OpClass::JumpIf;
}

void CopyPairs::spreadStates(std::vector<emit::PointState> &States, std::vector<const char *> &Rules) const {
  auto Forbid = [&](unsigned I, const char *Rule) {
    States[I] = emit::PointState();
    Rules[I] = Rule;
  };
  for (const CopiedBlock &B : Copies.Blocks)
    for (unsigned I = C.range(*B.Unchecked).Begin; I != C.range(*B.Unchecked).End; ++I) {
      if (unsigned J = Counterparts[I]; J == None) {
        Forbid(I, "unpaired-copy");
      } else {
        States[I] = States[J];
        Rules[I] = Rules[J];
      }
    }
  for (const MachineBasicBlock *Test : Copies.Tests)
    for (unsigned I = C.range(*Test).Begin + 1; I < C.range(*Test).End; ++I)
      Forbid(I, "tested-flag");
}

} // namespace stillpoint
