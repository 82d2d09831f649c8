// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The list of instructions that Code.h describes.
//
// Invariants: too many calls may lead to landing pads, never too few. What throws outside of all labels leaves the function, as the unwinder's
// table is made of the same labels.
#include "passes/machine/Code.h"
#include "passes/Markers.h"

#include "llvm/ADT/DenseMap.h"
#include "llvm/CodeGen/TargetInstrInfo.h"
#include "llvm/CodeGen/TargetSubtargetInfo.h"
#include "llvm/IR/InlineAsm.h"

using namespace llvm;

namespace stillpoint {

namespace {

OpClass markerClass(const MachineInstr &MI, OpClass Otherwise) {
  if (!MI.isInlineAsm())
    return Otherwise;
  StringRef Text = MI.getOperand(0).getSymbolName();
  return Text == RefMarker     ? OpClass::RefMarker
         : Text == KeepMarker  ? OpClass::KeepMarker
         : Text == RootsMarker ? OpClass::RootsMarker
                               : Otherwise;
}

bool mayThrow(const MachineInstr &MI) {
  return MI.isCall() || (MI.isInlineAsm() && MI.getOperand(InlineAsm::MIOp_ExtraInfo).getImm() & InlineAsm::Extra_MayUnwind);
}

// Says of each instruction in turn whether it stands between the labels of an invoke.
class Invokes {
public:
  explicit Invokes(const MachineFunction &MF) {
    for (const LandingPadInfo &Pad : MF.getLandingPads()) {
      for (const MCSymbol *Label : Pad.BeginLabels)
        Opens[Label] = true;
      for (const MCSymbol *Label : Pad.EndLabels)
        Opens[Label] = false;
    }
  }

  // A block without labels, or whose first one closes, was cut out of an invoke.
  void enterBlock(const MachineBasicBlock &B) {
    HasPads = any_of(B.successors(), [](const MachineBasicBlock *T) { return T->isEHPad(); });
    Inside = HasPads;
    if (HasPads)
      for (const MachineInstr &MI : B.instrs())
        if (const bool *First = label(MI)) {
          Inside = !*First;
          break;
        }
  }
  bool contain(const MachineInstr &MI) {
    if (const bool *Begins = HasPads ? label(MI) : nullptr)
      Inside = *Begins;
    return Inside;
  }

private:
  const bool *label(const MachineInstr &MI) const {
    auto Known = MI.isEHLabel() ? Opens.find(MI.getOperand(0).getMCSymbol()) : Opens.end();
    return Known == Opens.end() ? nullptr : &Known->second;
  }

  DenseMap<const MCSymbol *, bool> Opens; // or closes
  bool HasPads = false, Inside = false;
};

} // namespace

Code::Code(MachineFunction &MF)
    : MF(MF), Model(X86Model::get(*MF.getSubtarget().getInstrInfo(), *MF.getSubtarget().getRegisterInfo())),
      TRI(*MF.getSubtarget().getRegisterInfo()) {
  Blocks.resize(MF.getNumBlockIDs());
  Instructions.reserve(MF.getInstructionCount());
  Invokes Invoked(MF);
  for (MachineBasicBlock &B : MF) {
    Blocks[B.getNumber()].Begin = size();
    Invoked.enterBlock(B);
    for (MachineInstr &MI : B.instrs()) {
      bool LeadsToPads = Invoked.contain(MI) && mayThrow(MI);
      if (!MI.isMetaInstruction() && !MI.isBundle())
        Instructions.push_back({&MI, markerClass(MI, Model.classOf(MI)), LeadsToPads});
    }
    Blocks[B.getNumber()].End = size();
  }
  for (const Instruction &I : Instructions)
    Markers += isMarker(I.Class);
}

void Code::removeMarkers(std::vector<unsigned> &Keep) {
  std::vector<Instruction> Old;
  Old.swap(Instructions);
  Keep.clear();
  for (MachineBasicBlock &B : MF) {
    BlockRange &R = Blocks[B.getNumber()];
    unsigned Begin = size();
    for (unsigned I = R.Begin; I != R.End; ++I) {
      if (isMarker(Old[I].Class)) {
        Old[I].MI->eraseFromParent();
        continue;
      }
      Keep.push_back(I);
      Instructions.push_back(Old[I]);
    }
    R = {Begin, size()};
  }
  Markers = 0;
}

} // namespace stillpoint
