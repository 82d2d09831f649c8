// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The interpretation that FrameFlow.h describes.
#include "passes/machine/FrameFlow.h"

#include "llvm/CodeGen/MachineFrameInfo.h"
#include "llvm/CodeGen/TargetInstrInfo.h"
#include "llvm/CodeGen/TargetSubtargetInfo.h"
#include "llvm/MC/MCDwarf.h"

using namespace llvm;

namespace stillpoint {

uint8_t FrameState::savedMask() const {
  uint8_t Mask = 0;
  for (unsigned R = 0; R != abi::saved_register_count; ++R)
    Mask |= (Slot[R] != 0) << R;
  return Mask;
}

namespace {

constexpr unsigned SavedRbp = abi::saved_rbp;

// Slots above RSP only: what lies below belongs to nobody.
void dropDeadSlots(FrameState &S) {
  if (S.Depth == FrameState::Unknown)
    return;
  for (int32_t &Slot : S.Slot)
    if (Slot > S.Depth)
      Slot = 0;
}

void setDepth(FrameState &S, int64_t Depth) {
  S.Depth = Depth >= 8 && Depth < (int64_t(1) << 30) ? static_cast<int32_t>(Depth) : FrameState::Unknown;
  S.Loose = 0;
  dropDeadSlots(S);
}

void adjust(FrameState &S, int64_t Bytes) {
  if (S.Depth != FrameState::Unknown)
    setDepth(S, S.Depth + Bytes);
  else
    S.Loose = static_cast<int32_t>(std::clamp<int64_t>(S.Loose + Bytes, 0, int64_t(1) << 30));
}

void clobber(FrameState &S, unsigned Number) {
  unsigned R = savedRegisterIndex(Number);
  if (R != abi::saved_register_count)
    S.Intact &= ~(1u << R);
  if (Number == RBP)
    S.FramePointer = FrameState::Rbp::Other;
}

void clobber(FrameState &S, const RegInfo &I) {
  for (uint32_t Bits = I.Bits; Bits; Bits &= Bits - 1)
    clobber(S, countr_zero(Bits));
}

// The state where two paths meet.
FrameState meet(const FrameState &A, const FrameState &B) {
  FrameState M;
  M.Depth = A.Depth == B.Depth ? A.Depth : FrameState::Unknown;
  M.Loose = A.Depth == B.Depth ? std::min(A.Loose, B.Loose) : 0;
  M.FramePointer = A.FramePointer == B.FramePointer ? A.FramePointer : FrameState::Rbp::Other;
  M.Intact = A.Intact & B.Intact;
  for (unsigned R = 0; R != abi::saved_register_count; ++R)
    M.Slot[R] = A.Slot[R] == B.Slot[R] ? A.Slot[R] : 0;
  return M;
}

FrameState unknownState() {
  FrameState S;
  S.Depth = FrameState::Unknown;
  S.FramePointer = FrameState::Rbp::Other;
  S.Intact = 0;
  return S;
}

int64_t immediateOf(const MachineInstr &MI, unsigned Operand, bool &Known) {
  const MachineOperand &O = MI.getOperand(Operand);
  Known = O.isImm();
  return Known ? O.getImm() : 0;
}

} // namespace

void FrameFlow::push(FrameState &S, unsigned Register) const {
  adjust(S, 8);
  unsigned R = Register == NoGeneral ? abi::saved_register_count : savedRegisterIndex(Register);
  bool Saves = R != abi::saved_register_count && (MaySave >> R & 1) && (S.Intact >> R & 1) && !S.Slot[R];
  if (Saves && S.Depth != FrameState::Unknown)
    S.Slot[R] = S.Depth;
}

void FrameFlow::pop(FrameState &S, unsigned Register) const {
  unsigned R = Register == NoGeneral ? abi::saved_register_count : savedRegisterIndex(Register);
  bool Restores = R != abi::saved_register_count && S.Depth != FrameState::Unknown && S.Slot[R] == S.Depth;
  if (Register != NoGeneral)
    clobber(S, Register);
  // Which word this takes is not known, so the saved one may be the one that is gone.
  if (S.Depth == FrameState::Unknown && S.Loose < 8 && R != abi::saved_register_count)
    S.Slot[R] = 0;
  if (Restores) {
    S.Intact |= 1u << R;
    if (R == SavedRbp)
      S.FramePointer = FrameState::Rbp::Caller;
  }
  adjust(S, -8);
}

// What an instruction without a case of its own does to the registers that matter here.
void FrameFlow::definitions(const MachineInstr &MI, FrameState &S) const {
  for (const MachineOperand &O : MI.operands()) {
    if (O.isRegMask()) {
      for (unsigned R = 0; R != abi::saved_register_count; ++R)
        if (O.clobbersPhysReg(C.Model.general(SavedRegisterNumber[R])))
          clobber(S, SavedRegisterNumber[R]);
      continue;
    }
    if (!O.isReg() || !O.isDef() || !O.getReg())
      continue;
    const RegInfo &Info = C.Model.info(O.getReg());
    if (Info.Class != RegClass::General)
      continue;
    bool IsStackPointer = Info.Bits == 1u << RSP;
    if (IsStackPointer && !MI.isCall()) {
      S.Depth = FrameState::Unknown;
      S.Loose = 0;
    }
    clobber(S, Info);
  }
}

void FrameFlow::step(const Instruction &I, FrameState &S) const {
  const MachineInstr &MI = *I.MI;
  const X86Model &M = C.Model;
  auto IsReg = [&](unsigned Operand, unsigned Number) {
    return MI.getOperand(Operand).isReg() && M.general64(MI.getOperand(Operand).getReg()) == Number;
  };
  bool Known = false;
  switch (I.Class) {
  case OpClass::Push:
    return push(S, M.general64(MI.getOperand(0).getReg()));
  case OpClass::PushOther:
    return push(S, NoGeneral);
  case OpClass::Pop:
    if (unsigned R = M.general64(MI.getOperand(0).getReg()); R != RSP)
      return pop(S, R);
    break;
  case OpClass::PopOther:
    return pop(S, NoGeneral);
  case OpClass::AddImmediate:
  case OpClass::SubImmediate:
    if (IsReg(0, RSP)) {
      int64_t Bytes = immediateOf(MI, 2, Known);
      if (Known)
        return adjust(S, I.Class == OpClass::AddImmediate ? -Bytes : Bytes);
    }
    break;
  case OpClass::LoadAddress:
    if (IsReg(0, RSP) && !MI.getOperand(3).getReg() && !MI.getOperand(5).getReg()) {
      int64_t Bytes = immediateOf(MI, 4, Known);
      if (Known && IsReg(1, RSP))
        return adjust(S, -Bytes);
      if (Known && IsReg(1, RBP) && S.FramePointer == FrameState::Rbp::Frame)
        return setDepth(S, 16 - Bytes);
    }
    break;
  case OpClass::Move:
    if (IsReg(0, RSP) && IsReg(1, RBP) && S.FramePointer == FrameState::Rbp::Frame)
      return setDepth(S, 16);
    if (IsReg(0, RBP) && IsReg(1, RSP)) {
      clobber(S, RBP);
      if (S.Depth == 16)
        S.FramePointer = FrameState::Rbp::Frame;
      return;
    }
    break;
  case OpClass::Leave:
    if (S.FramePointer == FrameState::Rbp::Frame)
      setDepth(S, 16);
    else
      S.Depth = FrameState::Unknown, S.Loose = 0;
    return pop(S, RBP);
  case OpClass::TlsAddress: // a call, but for its flag; RSP is among its definitions
    return;
  default:
    break;
  }
  definitions(MI, S);
}

void FrameFlow::enter(const MachineBasicBlock &B, const FrameState &S) {
  unsigned N = B.getNumber();
  FrameState New = Reached[N] ? meet(In[N], S) : S;
  if (Reached[N] && New == In[N])
    return;
  Reached[N] = true;
  In[N] = New;
  if (!Queued[N]) {
    Queued[N] = true;
    Work.push_back(&B);
  }
}

void FrameFlow::propagate() {
  In.resize(C.Blocks.size());
  Reached.resize(C.Blocks.size());
  Queued.resize(C.Blocks.size());
  enter(C.MF.front(), FrameState());
  while (!Work.empty()) {
    const MachineBasicBlock &B = *Work.back();
    Work.pop_back();
    Queued[B.getNumber()] = false;
    FrameState S = In[B.getNumber()];
    for (unsigned I = C.range(B).Begin; I != C.range(B).End; ++I) {
      step(C.Instructions[I], S);
      if (!C.Instructions[I].LeadsToPads)
        continue;
      FrameState AtPad = S;
      if (!ArgumentArea.empty())
        adjust(AtPad, -ArgumentArea[I]);
      for (const MachineBasicBlock *T : B.successors())
        if (T->isEHPad())
          enter(*T, AtPad);
    }
    for (const MachineBasicBlock *T : B.successors())
      if (!T->isEHPad())
        enter(*T, S);
  }
}

unsigned FrameFlow::intern(const FrameState &S) {
  for (unsigned I = static_cast<unsigned>(States.size()); I-- > 0;)
    if (States[I] == S)
      return I;
  States.push_back(S);
  return static_cast<unsigned>(States.size() - 1);
}

void FrameFlow::number() {
  Ids.resize(C.size());
  for (const MachineBasicBlock &B : C.MF) {
    FrameState S = Reached[B.getNumber()] ? In[B.getNumber()] : unknownState();
    const BlockRange &R = C.range(B);
    for (unsigned I = R.Begin; I != R.End; ++I) {
      Ids[I] = I != 0 && States[Ids[I - 1]] == S ? Ids[I - 1] : intern(S);
      step(C.Instructions[I], S);
    }
  }
}

FrameFlow::FrameFlow(const Code &C) : C(C) {
  for (const CalleeSavedInfo &Info : C.MF.getFrameInfo().getCalleeSavedInfo())
    if (unsigned N = C.Model.general64(Info.getReg()); N != NoGeneral && savedRegisterIndex(N) != abi::saved_register_count)
      MaySave |= 1u << savedRegisterIndex(N);
  if (C.MF.getSubtarget().getFrameLowering()->hasFP(C.MF))
    MaySave |= 1u << SavedRbp;
  // DWARF's argument area holds from one directive to the next in the order of the code.
  int32_t Current = 0;
  unsigned Index = 0;
  for (const MachineBasicBlock &B : C.MF)
    for (const MachineInstr &MI : B.instrs()) {
      if (MI.isCFIInstruction()) {
        const MCCFIInstruction &CFI = C.MF.getFrameInstructions()[MI.getOperand(0).getCFIIndex()];
        if (CFI.getOperation() != MCCFIInstruction::OpGnuArgsSize)
          continue;
        ArgumentArea.resize(C.size());
        Current = CFI.getOffset();
      } else if (!MI.isMetaInstruction() && !MI.isBundle()) {
        if (!ArgumentArea.empty())
          ArgumentArea[Index] = Current;
        ++Index;
      }
    }
  propagate();
  number();
}

} // namespace stillpoint
