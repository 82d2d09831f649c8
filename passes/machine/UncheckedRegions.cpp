// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The choice that UncheckedRegions.h describes: from the function's entry on, the first block that begins a region that pays takes all of it.
#include "passes/machine/UncheckedRegions.h"
#include "passes/Markers.h"

#include "llvm/ADT/PostOrderIterator.h"
#include "llvm/CodeGen/MachineBlockFrequencyInfo.h"
#include "llvm/CodeGen/MachineFunction.h"
#include "llvm/IR/InlineAsm.h"

using namespace llvm;

namespace stillpoint {

namespace {

// Blocks in a region, and how much more often its checks have to run than its entry.
constexpr unsigned MostBlocks = 256;
constexpr double LeastGain = 8;

bool isReferenceMarker(const MachineInstr &MI) {
  if (!MI.isInlineAsm())
    return false;
  StringRef Text = MI.getOperand(InlineAsm::MIOp_AsmString).getSymbolName();
  return Text == RefMarker || Text == KeepMarker;
}

bool canBeCopied(const MachineInstr &MI, const X86Model &Model) {
  if (MI.isDebugInstr() || MI.isKill() || MI.isImplicitDef() || isReferenceMarker(MI))
    return true;
  return !MI.isCall() && !MI.isReturn() && !MI.isInlineAsm() && !MI.isPosition() && !MI.isNotDuplicable() && !MI.isBundled() &&
         !MI.isMetaInstruction() && !MI.getFlag(MachineInstr::FrameSetup) && !MI.getFlag(MachineInstr::FrameDestroy) &&
         !MI.getPreInstrSymbol() && !MI.getPostInstrSymbol() && Model.classOf(MI) != OpClass::Expanded;
}

bool flagsLiveInto(const MachineBasicBlock &B, const X86Model &Model) {
  return any_of(B.liveins(), [&](const auto &In) { return Model.info(In.PhysReg).Class == RegClass::Flags; });
}

} // namespace

UncheckedRegions::UncheckedRegions(MachineFunction &MF, const X86Model &Model) : MF(MF), Model(Model) {
  findChecks();
  if (!any())
    return;
  findSlow();
  for (MachineBasicBlock &B : MF)
    if (!isSlow(B) && canBeCopied(B))
      Copyable.insert(&B);
}

void UncheckedRegions::findChecks() {
  for (MachineBasicBlock &B : MF)
    if (!endsInPlainJumps(B, Model))
      Odd.insert(&B);
    else if (BarrierCheck Check = findBarrierCheck(B, Model))
      Checks[&B] = Check;
}

SmallVector<MachineBasicBlock *, 4> UncheckedRegions::fastSuccessors(MachineBasicBlock &B) const {
  if (auto Check = Checks.find(&B); Check != Checks.end())
    return {Check->second.Fast};
  return {B.succ_begin(), B.succ_end()};
}

void UncheckedRegions::findSlow() {
  for (MachineBasicBlock &B : MF)
    Slow.insert(&B);
  SmallVector<MachineBasicBlock *> Work{&MF.front()};
  Slow.erase(&MF.front());
  while (!Work.empty())
    for (MachineBasicBlock *S : fastSuccessors(*Work.pop_back_val()))
      if (Slow.erase(S))
        Work.push_back(S);
}

bool UncheckedRegions::canBeCopied(MachineBasicBlock &B) const {
  return &B != &MF.front() && !B.isEHPad() && !B.hasAddressTaken() && !B.isInlineAsmBrIndirectTarget() && isPlain(B) &&
         all_of(B, [&](const MachineInstr &MI) { return stillpoint::canBeCopied(MI, Model); });
}

UncheckedRegions::BlockSet UncheckedRegions::reachable(MachineBasicBlock &Entry, const BlockSet *Within) const {
  BlockSet Found;
  Found.insert(&Entry);
  for (unsigned I = 0; I != Found.size(); ++I)
    for (MachineBasicBlock *S : fastSuccessors(*Found[I]))
      if (Found.size() < MostBlocks && (Within ? Within->contains(S) : Copyable.contains(S)))
        Found.insert(S);
  return Found;
}

// The largest set that Entry reaches and nobody enters elsewhere.
UncheckedRegions::BlockSet UncheckedRegions::grow(MachineBasicBlock &Entry) const {
  BlockSet Region = reachable(Entry, nullptr);
  auto IsEntered = [&](const MachineBasicBlock *B) {
    return B != &Entry && any_of(B->predecessors(), [&](MachineBasicBlock *P) { return !isSlow(*P) && !Region.contains(P); });
  };
  while (Region.remove_if(IsEntered)) {
  }
  return reachable(Entry, &Region);
}

bool UncheckedRegions::pays(const BlockSet &Region, MachineBasicBlock &Entry, const MachineBlockFrequencyInfo &Frequencies) const {
  auto Frequency = [&](const MachineBasicBlock *B) { return static_cast<double>(Frequencies.getBlockFreq(B).getFrequency()); };
  double Checked = 0;
  for (const MachineBasicBlock *B : Region)
    Checked += Checks.contains(B) ? Frequency(B) : 0;
  double Entered = 0;
  for (MachineBasicBlock *P : Entry.predecessors()) {
    if (Region.contains(P) || isSlow(*P))
      continue;
    auto Edge = find(P->successors(), &Entry);
    BranchProbability Taken = P->getSuccProbability(Edge);
    Entered += Frequency(P) * Taken.getNumerator() / BranchProbability::getDenominator();
  }
  return Checked > 0 && Checked >= LeastGain * Entered;
}

std::vector<UncheckedRegion> UncheckedRegions::choose(const MachineBlockFrequencyInfo &Frequencies) {
  std::vector<UncheckedRegion> Chosen;
  for (MachineBasicBlock *Entry : ReversePostOrderTraversal<MachineFunction *>(&MF)) {
    if (!Copyable.contains(Entry) || flagsLiveInto(*Entry, Model))
      continue;
    // Somebody has to come in by a plain jump: those are sent past the flag.
    if (none_of(Entry->predecessors(), [&](MachineBasicBlock *P) { return !isSlow(*P) && isPlain(*P); }))
      continue;
    BlockSet Region = grow(*Entry);
    if (!pays(Region, *Entry, Frequencies))
      continue;
    UncheckedRegion &New = Chosen.emplace_back(UncheckedRegion{Entry, {}});
    for (MachineBasicBlock &B : MF)
      if (Region.contains(&B)) {
        New.Blocks.push_back(&B);
        Copyable.erase(&B);
      }
  }
  return Chosen;
}

} // namespace stillpoint
