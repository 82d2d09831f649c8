// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See BarrierChecks.h.
#include "passes/machine/BarrierChecks.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/CodeGen/MachineFunction.h"
#include "llvm/CodeGen/TargetRegisterInfo.h"
#include "llvm/CodeGen/TargetSubtargetInfo.h"
#include "llvm/IR/GlobalVariable.h"

using namespace llvm;

namespace stillpoint {

namespace {

bool touchesFlags(const MachineInstr &MI, const X86Model &Model) {
  return any_of(MI.operands(), [&](const MachineOperand &O) {
    return O.isRegMask() || (O.isReg() && O.getReg() && Model.info(O.getReg()).Class == RegClass::Flags);
  });
}

bool flagsLiveInto(const MachineBasicBlock &B, const X86Model &Model) {
  return any_of(B.liveins(), [&](const auto &In) { return Model.info(In.PhysReg).Class == RegClass::Flags; });
}

} // namespace

bool isMarkingCompare(const MachineInstr &MI, const X86Model &Model) {
  if (Model.classOf(MI) != OpClass::CompareByte)
    return false;
  MemoryOperands M = memoryOperands(MI);
  if (!M || !M.Displacement->isGlobal() || M.Displacement->getOffset() != 0 || M.Index->getReg() || M.Segment->getReg() ||
      (M.Base->getReg() && Model.info(M.Base->getReg()).Class == RegClass::General))
    return false;
  auto *Flag = dyn_cast<GlobalVariable>(M.Displacement->getGlobal());
  const MachineOperand &Immediate = MI.getOperand(M.First + 5);
  return Flag && Flag->getSection() == STILLPOINT_MARKING_SECTION && Immediate.isImm() && Immediate.getImm() == 0;
}

MachineBasicBlock *fallThrough(MachineBasicBlock &B) {
  auto Last = B.getLastNonDebugInstr();
  if (Last != B.end() && Last->isBarrier())
    return nullptr;
  auto Next = std::next(B.getIterator());
  return Next != B.getParent()->end() && B.isSuccessor(&*Next) ? &*Next : nullptr;
}

bool endsInPlainJumps(MachineBasicBlock &B, const X86Model &Model) {
  SmallVector<const MachineBasicBlock *, 4> Targets;
  bool Ended = false;
  for (const MachineInstr &MI : B.terminators()) {
    if (MI.isDebugInstr())
      continue;
    OpClass Class = Model.classOf(MI);
    if (Ended || (Class != OpClass::Jump && Class != OpClass::JumpIf) || !MI.getOperand(0).isMBB())
      return false;
    Ended = Class == OpClass::Jump;
    Targets.push_back(MI.getOperand(0).getMBB());
  }
  if (const MachineBasicBlock *Next = fallThrough(B))
    Targets.push_back(Next);
  return all_of(B.successors(), [&](const MachineBasicBlock *S) { return is_contained(Targets, S); });
}

BarrierCheck findBarrierCheck(MachineBasicBlock &B, const X86Model &Model) {
  MachineInstr *Branch = nullptr, *Jump = nullptr;
  for (MachineInstr &MI : B.terminators()) {
    if (Model.classOf(MI) == OpClass::Jump)
      Jump = &MI;
    else if (std::exchange(Branch, &MI))
      return {};
  }
  if (!Branch || Model.classOf(*Branch) != OpClass::JumpIf)
    return {};
  auto Above = std::next(Branch->getReverseIterator());
  while (Above != B.rend() && !touchesFlags(*Above, Model))
    ++Above;
  if (Above == B.rend() || !isMarkingCompare(*Above, Model))
    return {};
  MachineBasicBlock *Taken = Branch->getOperand(0).getMBB();
  MachineBasicBlock *Other = Jump ? Jump->getOperand(0).getMBB() : fallThrough(B);
  if (!Other || Other == Taken || flagsLiveInto(*Taken, Model) || flagsLiveInto(*Other, Model))
    return {};
  switch (Branch->getOperand(1).getImm()) {
  case ConditionNotEqual:
    return {&*Above, Branch, Taken, Other};
  case ConditionEqual:
    return {&*Above, Branch, Other, Taken};
  default:
    return {};
  }
}

} // namespace stillpoint
