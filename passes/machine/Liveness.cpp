// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The data flow that Liveness.h describes.
#include "passes/machine/Liveness.h"

#include "llvm/CodeGen/MachineRegisterInfo.h"
#include "llvm/CodeGen/TargetRegisterInfo.h"
#include "llvm/IR/Function.h"
#include "llvm/Target/TargetMachine.h"

using namespace llvm;

namespace stillpoint {

RegisterSet usedBits(const RegInfo &I) {
  uint64_t Bits = I.Bits;
  switch (I.Class) {
  case RegClass::General:
    return {Bits << RegisterSet::GeneralShift, 0};
  case RegClass::Vector:
    return {Bits, (I.Width >= 32 ? Bits : 0) | (I.Width >= 64 ? Bits << 32 : 0)};
  case RegClass::Mask:
    return {Bits << RegisterSet::MaskShift, 0};
  case RegClass::Flags:
    return {uint64_t(1) << RegisterSet::FlagsBit, 0};
  default:
    return {};
  }
}

RegisterSet killedBits(const RegInfo &I) {
  // A definition of 8 or 16 bits leaves the rest; one of 32 bits clears it.
  return I.Class == RegClass::General && I.Width < 4 ? RegisterSet() : usedBits(I);
}

const RegisterSet &Liveness::clobbers(const uint32_t *Mask) {
  auto [Entry, New] = Masks.try_emplace(Mask);
  if (!New)
    return Entry->second;
  RegisterSet &S = Entry->second;
  const X86Model &M = C.Model;
  auto Add = [&](MCRegister R) {
    // A part that the call keeps is not among the clobbered ones, whatever becomes of the whole register.
    if (R && MachineOperand::clobbersPhysReg(Mask, R))
      S = S | killedBits(M.info(R));
  };
  for (unsigned I = 0; I != GeneralCount; ++I)
    Add(M.general(I));
  for (unsigned I = 0; I != 32; ++I)
    for (unsigned Width = 0; Width != 3; ++Width) {
      MCRegister R = M.vector(I, Width);
      if (!R || !MachineOperand::clobbersPhysReg(Mask, R))
        continue;
      uint64_t Bit = uint64_t(1) << I;
      S.Low |= Width == 0 ? Bit : 0;
      S.High |= Width == 1 ? Bit : Width == 2 ? Bit << 32 : 0;
    }
  for (unsigned I = 0; I != 8; ++I)
    Add(M.mask(I));
  return S;
}

// A function that only passes on what a callee has left in ST0 has no operand that says so: the stackifier takes it away.
static bool returnsX87(const Type *T) {
  return T->isX86_FP80Ty() || any_of(T->subtypes(), [](const Type *Part) { return returnsX87(Part); });
}

void Liveness::addOperand(const MachineOperand &O, bool KeepsVectors, Effect &E) {
  if (O.isRegMask()) {
    E.Kills = E.Kills | clobbers(O.getRegMask());
    return;
  }
  if (!O.isReg() || !O.getReg() || O.isDebug())
    return;
  const RegInfo &Info = C.Model.info(O.getReg());
  switch (Info.Class) {
  case RegClass::Other:
    return;
  case RegClass::X87:
    X87 = true;
    return;
  case RegClass::Tile:
    Tiles = true;
    return;
  case RegClass::ExtendedGeneral:
    ExtendedGeneral = true;
    return;
  default:
    break;
  }
  if (KeepsVectors)
    return;
  if (O.isDef())
    E.Kills = E.Kills | killedBits(Info);
  else if (!O.isUndef())
    E.Uses = E.Uses | usedBits(Info);
}

Liveness::Effect Liveness::effect(const Instruction &I) {
  Effect E;
  for (const MachineOperand &O : I.MI->operands())
    addOperand(O, I.Class == OpClass::KeepsVectors, E);
  if (I.MI->isReturn())
    E.Uses = E.Uses | ReturnUses;
  return E;
}

// The registers that belong to the caller: a return hands them back.
RegisterSet Liveness::calleeSaved() const {
  RegisterSet S;
  for (const MCPhysReg *R = C.MF.getRegInfo().getCalleeSavedRegs(); R && *R; ++R)
    S = S | usedBits(C.Model.info(*R));
  S.Low |= uint64_t(1) << (RegisterSet::GeneralShift + RSP);
  return S;
}

RegisterSet Liveness::liveOut(const MachineBasicBlock &B, bool Pads) const {
  RegisterSet S;
  for (const MachineBasicBlock *T : B.successors())
    if (T->isEHPad() == Pads)
      S = S | In[T->getNumber()];
  return S;
}

void Liveness::propagate() {
  In.resize(C.Blocks.size());
  struct Summary {
    Effect All;
    RegisterSet KilledToThrow; // from the beginning to the first call that leads to landing pads, and by it
    bool Throws = false;
  };
  std::vector<Summary> Blocks(C.Blocks.size());
  for (const MachineBasicBlock &B : C.MF) {
    Summary &Sum = Blocks[B.getNumber()];
    for (unsigned I = C.range(B).End; I-- > C.range(B).Begin;) {
      const Effect &E = Effects[I];
      const bool Throws = C.Instructions[I].LeadsToPads;
      Sum.All.Uses = Sum.All.Uses.without(E.Kills) | E.Uses;
      Sum.All.Kills = Sum.All.Kills | E.Kills;
      Sum.KilledToThrow = Throws ? E.Kills : Sum.KilledToThrow | E.Kills;
      Sum.Throws |= Throws;
    }
  }
  for (bool Changed = true; Changed;) {
    Changed = false;
    for (const MachineBasicBlock &B : reverse(C.MF)) {
      const Summary &Sum = Blocks[B.getNumber()];
      RegisterSet New = liveOut(B, false).without(Sum.All.Kills) | Sum.All.Uses;
      if (Sum.Throws)
        New = New | liveOut(B, true).without(Sum.KilledToThrow);
      if (New == In[B.getNumber()])
        continue;
      In[B.getNumber()] = New;
      Changed = true;
    }
  }
}

void Liveness::record() {
  Before.resize(C.size());
  for (const MachineBasicBlock &B : C.MF) {
    RegisterSet Pads = liveOut(B, true), Live = liveOut(B, false);
    for (unsigned I = C.range(B).End; I-- > C.range(B).Begin;) {
      if (C.Instructions[I].LeadsToPads)
        Live = Live | Pads;
      Live = Live.without(Effects[I].Kills) | Effects[I].Uses;
      Before[I] = Live;
    }
  }
}

Liveness::Liveness(const Code &C) : C(C) {
  ReturnUses = calleeSaved();
  Effects.reserve(C.size());
  for (const Instruction &I : C.Instructions)
    Effects.push_back(effect(I));
  propagate();
  record();
  // Interprocedural register allocation lets callers keep values in any register that we do not touch.
  X87 |= returnsX87(C.MF.getFunction().getReturnType());
  VectorEverywhere = X87 || Tiles || ReturnUses.anyVector() || C.MF.getTarget().Options.EnableIPRA;
}

emit::LiveSet Liveness::liveSet(unsigned Index, uint32_t Unread) const {
  const RegisterSet &S = Before[Index];
  emit::LiveSet L;
  L.General = S.general() | Unread | (S.Low >> RegisterSet::FlagsBit & 1) << abi::live_flags_bit;
  L.Vector = S.vectors();
  L.Other = S.Low >> RegisterSet::MaskShift | (X87 ? 0xff00 : 0);
  return L;
}

} // namespace stillpoint
