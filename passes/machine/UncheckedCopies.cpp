// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The pass that makes the copies which UncheckedCopies.h describes. It runs behind block placement and all passes that look for better code (which would
// merge the copies again, or make them differ), and before call frame information is put into place.
#include "passes/machine/UncheckedCopies.h"
#include "passes/Markers.h"
#include "passes/Passes.h"
#include "passes/emit/Tables.h"
#include "passes/machine/UncheckedRegions.h"

#include "llvm/CodeGen/GCMetadata.h"
#include "llvm/CodeGen/LazyMachineBlockFrequencyInfo.h"
#include "llvm/CodeGen/MachineFunctionPass.h"
#include "llvm/CodeGen/MachineInstrBuilder.h"
#include "llvm/CodeGen/MachineRegisterInfo.h"
#include "llvm/CodeGen/TargetInstrInfo.h"
#include "llvm/CodeGen/TargetSubtargetInfo.h"
#include "llvm/IR/Function.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Target/TargetMachine.h"

using namespace llvm;

namespace stillpoint {

namespace {

// Whether the assembler may pad between instructions: then copies of the same instructions need not be the same bytes.
bool padsInstructions(const TargetMachine &TM) {
  if (TM.Options.DisableIntegratedAS)
    return true;
  const auto &Known = cl::getRegisteredOptions();
  return any_of(
      ArrayRef<StringRef>{"x86-branches-within-32B-boundaries", "x86-align-branch-boundary", "x86-align-branch", "x86-pad-for-align"},
      [&](StringRef Name) {
        auto Option = Known.find(Name);
        return Option != Known.end() && Option->second->getNumOccurrences() != 0;
      });
}

bool mayCopy(const MachineFunction &MF) {
  const Function &F = MF.getFunction();
  const TargetMachine &TM = MF.getTarget();
  return TM.getOptLevel() >= CodeGenOptLevel::Default && !F.hasOptNone() && !F.hasOptSize() && !F.hasFnAttribute(IgnoreAttribute) &&
         !F.hasFnAttribute(NosplitAttribute) && !F.hasFnAttribute(UndescribedAttribute) && !F.hasFnAttribute(Attribute::Naked) &&
         !MF.hasBBSections() && !MF.callsEHReturn() && !MF.exposesReturnsTwice() && !F.callsFunctionThatReturnsTwice() &&
         !MF.isOutlined() && MF.getRegInfo().tracksLiveness() && !padsInstructions(TM);
}

/// Copies the regions of one function.
class Copier {
public:
  Copier(MachineFunction &MF, const UncheckedRegions &Regions, UncheckedCopies &Out)
      : MF(MF), TII(*MF.getSubtarget().getInstrInfo()), Regions(Regions), Out(Out) {
    for (MachineBasicBlock &B : MF)
      Next[&B] = fallThrough(B);
  }

  void copy(const UncheckedRegion &R);
  /// Puts jumps where blocks that followed one another do not any more.
  void finish();

private:
  void copyBlock(MachineBasicBlock &Checked);
  MachineBasicBlock *counterpart(MachineBasicBlock *B) const {
    auto Found = Unchecked.find(B);
    return Found == Unchecked.end() ? B : Found->second;
  }
  MachineBasicBlock *makeTest(const UncheckedRegion &R);
  void place(MachineBasicBlock *Test, MachineBasicBlock *Entry);

  MachineFunction &MF;
  const TargetInstrInfo &TII;
  const UncheckedRegions &Regions;
  UncheckedCopies &Out;
  DenseMap<MachineBasicBlock *, MachineBasicBlock *> Next;      // where control goes on behind the block's last instruction
  DenseMap<MachineBasicBlock *, MachineBasicBlock *> Unchecked; // of the region that is being copied
  const MachineInstr *Compare = nullptr, *Branch = nullptr;     // of one of its checks
};

void Copier::copyBlock(MachineBasicBlock &Checked) {
  MachineBasicBlock &Copy = *Unchecked[&Checked];
  BarrierCheck Check = Regions.check(Checked);
  if (Check) {
    // An earlier copy may have sent the way on to its test.
    for (MachineBasicBlock *S : Checked.successors())
      Check.Fast = S == Check.Slow ? Check.Fast : S;
    // Next to its jump, so that every instruction stands on one side of the check.
    Checked.splice(Check.Branch->getIterator(), &Checked, Check.Compare->getIterator());
    Compare = Check.Compare;
    Branch = Check.Branch;
  }
  for (MachineInstr &MI : Checked) {
    bool Ends = MI.isTerminator() && (Check || MI.isBarrier()); // finish() puts jumps where they are needed
    if (MI.isDebugLabel() || &MI == Check.Compare || Ends)
      continue;
    MachineInstr *New = MF.CloneMachineInstr(&MI);
    for (MachineOperand &O : New->operands())
      if (O.isMBB())
        O.setMBB(counterpart(O.getMBB()));
    Copy.push_back(New);
  }
  for (const auto &In : Checked.liveins())
    Copy.addLiveIn(In);
  Copy.setAlignment(Checked.getAlignment(), Checked.getMaxBytesForAlignment());
  Checked.setAlignment(Align(1), 0);
  if (Check) {
    Copy.addSuccessor(counterpart(Check.Fast), BranchProbability::getOne());
    Next[&Copy] = counterpart(Check.Fast);
  } else {
    for (auto S = Checked.succ_begin(); S != Checked.succ_end(); ++S)
      Copy.addSuccessor(counterpart(*S), Checked.getSuccProbability(S));
    MachineBasicBlock *Following = Next.lookup(&Checked);
    for (const MachineInstr &MI : Checked.terminators())
      Following = MI.isBarrier() ? MI.getOperand(0).getMBB() : Following;
    Next[&Copy] = Following ? counterpart(Following) : nullptr;
  }
  Out.Blocks.push_back({&Copy, &Checked});
}

// The block that tests the flag and enters either copy.
MachineBasicBlock *Copier::makeTest(const UncheckedRegion &R) {
  MachineBasicBlock *Test = MF.CreateMachineBasicBlock(R.Entry->getBasicBlock());
  for (const auto &In : R.Entry->liveins())
    Test->addLiveIn(In);
  for (const MachineInstr *Like : {Compare, Branch}) {
    MachineInstr *New = MF.CloneMachineInstr(Like);
    New->setDebugLoc(DebugLoc());
    Test->push_back(New);
  }
  Test->back().getOperand(0).setMBB(R.Entry);
  Test->back().getOperand(1).setImm(ConditionNotEqual);
  Test->addSuccessor(R.Entry, BranchProbability(1, 1024));
  Test->addSuccessor(Unchecked[R.Entry], BranchProbability(1023, 1024));
  Next[Test] = Unchecked[R.Entry];
  return Test;
}

// In front of the unchecked entry, unless its own region falls into that; then where nobody falls through.
void Copier::place(MachineBasicBlock *Test, MachineBasicBlock *Entry) {
  auto At = Entry->getIterator();
  if (Next.lookup(&*std::prev(At)) == Entry) {
    while (std::next(At) != MF.end() && Next.lookup(&*At) == &*std::next(At))
      ++At;
    ++At;
  }
  MF.insert(At, Test);
}

void Copier::copy(const UncheckedRegion &R) {
  Unchecked.clear();
  Compare = Branch = nullptr;
  SmallPtrSet<MachineBasicBlock *, 16> Inside(R.Blocks.begin(), R.Blocks.end());
  SmallVector<MachineBasicBlock *> Entering;
  for (MachineBasicBlock *P : R.Entry->predecessors())
    if (!Inside.contains(P) && !Regions.isSlow(*P) && Regions.isPlain(*P))
      Entering.push_back(P);
  for (MachineBasicBlock *B : R.Blocks) {
    MachineBasicBlock *New = MF.CreateMachineBasicBlock(B->getBasicBlock());
    MF.insert(B->getIterator(), New);
    Unchecked[B] = New;
  }
  for (MachineBasicBlock *B : R.Blocks)
    copyBlock(*B);
  for (MachineBasicBlock *B : R.Blocks)
    B->moveAfter(&MF.back());
  // What only a check leads to goes with it.
  for (MachineBasicBlock *B : R.Blocks)
    if (BarrierCheck Check = Regions.check(*B); Check && Regions.isSlow(*Check.Slow))
      Check.Slow->moveAfter(&MF.back());
  MachineBasicBlock *Test = makeTest(R);
  for (MachineBasicBlock *P : Entering) {
    if (Next.lookup(P) == R.Entry)
      Next[P] = Test;
    P->ReplaceUsesOfBlockWith(R.Entry, Test);
  }
  place(Test, Unchecked[R.Entry]);
  Out.Tests.push_back(Test);
}

void Copier::finish() {
  for (MachineBasicBlock &B : MF) {
    MachineBasicBlock *To = Next.lookup(&B);
    auto Following = std::next(B.getIterator());
    if (To && (Following == MF.end() || &*Following != To))
      TII.insertUnconditionalBranch(B, To, DebugLoc());
  }
  MF.RenumberBlocks();
}

class MakeUncheckedCopies : public MachineFunctionPass {
public:
  static char ID;
  MakeUncheckedCopies() : MachineFunctionPass(ID) {}

  StringRef getPassName() const override { return "Stillpoint copies without barriers' checks"; }

  void getAnalysisUsage(AnalysisUsage &AU) const override {
    AU.addRequired<GCModuleInfo>();
    AU.addRequired<LazyMachineBlockFrequencyInfoPass>();
    MachineFunctionPass::getAnalysisUsage(AU);
  }

  bool runOnMachineFunction(MachineFunction &MF) override {
    auto *Tables = static_cast<TablesStrategy *>(getAnalysis<GCModuleInfo>().getGCStrategy(TablesStrategyName));
    // The pass may have been added twice.
    if (Tables->Copies.contains(MF.getFunctionNumber()) || !mayCopy(MF))
      return false;
    const X86Model &Model = X86Model::get(*MF.getSubtarget().getInstrInfo(), *MF.getSubtarget().getRegisterInfo());
    UncheckedRegions Regions(MF, Model);
    if (!Regions.any())
      return false;
    std::vector<UncheckedRegion> Chosen = Regions.choose(getAnalysis<LazyMachineBlockFrequencyInfoPass>().getBFI());
    if (Chosen.empty())
      return false;
    Copier C(MF, Regions, Tables->Copies[MF.getFunctionNumber()]);
    for (const UncheckedRegion &R : Chosen)
      C.copy(R);
    C.finish();
    return true;
  }
};

char MakeUncheckedCopies::ID = 0;

} // namespace

MachineFunctionPass *createUncheckedCopiesPass() { return new MakeUncheckedCopies; }

} // namespace stillpoint
