// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Problem: a realigned frame without dynamic areas reaches its locals from the stack pointer. Where arguments are pushed (-Os does that) the stack pointer is
// elsewhere for a while, and no table can say where the references in the frame are: not even at the call, where a collection may come.
//
// Mechanism: before registers are allocated such a function is said to move its stack pointer in ways that the compiler does not follow, and so the
// code generator keeps a base pointer in RBX, which tables know.
//
// Invariant: a function without references is left as it is.
//
// Rejected: a depth of its own for each call in the tables (another form of frame for something this rare); no pushes (the pass that makes them can
// only be turned off for the whole process).
#include "passes/Markers.h"
#include "passes/Passes.h"
#include "passes/machine/X86Model.h"

#include "llvm/CodeGen/MachineFrameInfo.h"
#include "llvm/CodeGen/MachineFunctionPass.h"
#include "llvm/CodeGen/MachineRegisterInfo.h"
#include "llvm/CodeGen/TargetInstrInfo.h"
#include "llvm/CodeGen/TargetRegisterInfo.h"
#include "llvm/CodeGen/TargetSubtargetInfo.h"
#include "llvm/IR/InlineAsm.h"

using namespace llvm;
using namespace stillpoint;

namespace {

bool isMarker(const MachineInstr &MI) {
  if (!MI.isInlineAsm())
    return false;
  StringRef Text = MI.getOperand(InlineAsm::MIOp_AsmString).getSymbolName();
  return Text == stillpoint::RefMarker || Text == stillpoint::RootsMarker;
}

class FixedBase : public MachineFunctionPass {
public:
  static char ID;
  FixedBase() : MachineFunctionPass(ID) {}

  StringRef getPassName() const override { return "Stillpoint base of frames with references"; }

  void getAnalysisUsage(AnalysisUsage &AU) const override {
    AU.setPreservesAll();
    MachineFunctionPass::getAnalysisUsage(AU);
  }

  bool runOnMachineFunction(MachineFunction &MF) override {
    const TargetSubtargetInfo &Target = MF.getSubtarget();
    if (!Target.getRegisterInfo()->hasStackRealignment(MF))
      return false;
    bool Pushes = false, Marked = false;
    for (const MachineBasicBlock &B : MF)
      for (const MachineInstr &MI : B) {
        Pushes |= MI.mayStore() && Target.getInstrInfo()->getName(MI.getOpcode()).starts_with("PUSH");
        Marked |= isMarker(MI);
      }
    if (Pushes && Marked) {
      MF.getFrameInfo().setHasOpaqueSPAdjustment(true);
      // Which registers are to be had was settled before; without this one the frame would not be realigned.
      const X86Model &Model = X86Model::get(*Target.getInstrInfo(), *Target.getRegisterInfo());
      MF.getRegInfo().reserveReg(Model.general(RBX), Target.getRegisterInfo());
      assert(Target.getRegisterInfo()->hasStackRealignment(MF) && "no base pointer to be had");
    }
    return false;
  }
};

char FixedBase::ID = 0;

} // namespace

MachineFunctionPass *stillpoint::createFixedBasePass() { return new FixedBase; }
