// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The taint that ThreadTaint.h describes.
#include "passes/machine/ThreadTaint.h"

#include "llvm/ADT/StringSwitch.h"
#include "llvm/CodeGen/MachineFrameInfo.h"
#include "llvm/CodeGen/MachineMemOperand.h"
#include "llvm/CodeGen/PseudoSourceValue.h"
#include "llvm/IR/GlobalValue.h"

using namespace llvm;

namespace stillpoint {

namespace {

constexpr unsigned VectorShift = 16;

uint64_t taintBits(const RegInfo &I) {
  if (I.Class == RegClass::General)
    return I.Bits & ~(1u << RSP);
  return I.Class == RegClass::Vector ? uint64_t(I.Bits) << VectorShift : 0;
}

bool isThreadFunction(StringRef Name) {
  return Name.starts_with("_ZTW") || StringSwitch<bool>(Name)
                                         .Cases({"__errno_location", "___errno_location", "__h_errno_location"}, true)
                                         .Cases({"__cxa_get_globals", "__cxa_get_globals_fast"}, true)
                                         .Cases({"__ctype_b_loc", "__ctype_tolower_loc", "__ctype_toupper_loc"}, true)
                                         .Cases({"__tls_get_addr", "___tls_get_addr", "__emutls_get_address"}, true)
                                         .Cases({"__res_state", "__safestack_pointer_address"}, true)
                                         .Default(false);
}

// A piece of our own code that the machine outliner moved: whatever it defines may be an address.
constexpr char OutlinedPrefix[] = "OUTLINED_FUNCTION_";

StringRef symbolOf(const MachineOperand &O) {
  if (O.isGlobal())
    return O.getGlobal()->getName();
  return O.isSymbol() ? StringRef(O.getSymbolName()) : StringRef();
}

// The thread pointer itself, or a word near it of the thread's own control block: not the stack guard, which is the same in every thread.
bool loadsThreadPointer(const MachineInstr &MI, const X86Model &Model) {
  constexpr int64_t StackGuard = 0x28, PointerGuard = 0x30;
  MemoryOperands M = memoryOperands(MI);
  if (!M || !MI.mayLoad() || !M.Segment->isReg() || !Model.isSegmentRegister(M.Segment->getReg()))
    return false;
  if ((M.Base->isReg() && M.Base->getReg()) || M.Index->getReg() || !M.Displacement->isImm())
    return false;
  return M.Displacement->getImm() != StackGuard && M.Displacement->getImm() != PointerGuard;
}

bool mentionsSegment(const MachineInstr &Asm) {
  StringRef Text = Asm.getOperand(0).getSymbolName();
  return Text.contains_insensitive("fs") || Text.contains_insensitive("gs") || Text.contains("tls");
}

// Whether what follows relies on this thread's dynamically initialised variables having been initialised: their guard is read or written, or the
// function that checks it is called.
bool relyOnThreadInit(const MachineInstr &MI) {
  return any_of(MI.operands(), [&](const MachineOperand &O) {
    StringRef Name = symbolOf(O);
    if (MI.isCall() && (Name.starts_with("_ZTH") || Name == "__tls_init"))
      return true;
    return O.isGlobal() && O.getGlobal()->isThreadLocal() && (Name.starts_with("_ZGV") || Name == "__tls_guard");
  });
}

bool isZeroing(const Instruction &I) { return I.Class == OpClass::Zero && I.MI->getOperand(1).getReg() == I.MI->getOperand(2).getReg(); }

} // namespace

bool ThreadTaint::State::merge(const State &O) {
  uint64_t Old = Registers;
  bool OldEscaped = Escaped;
  bool NewSlots = O.Slots.test(Slots);
  Registers |= O.Registers;
  Escaped |= O.Escaped;
  Slots |= O.Slots;
  return Registers != Old || Escaped != OldEscaped || NewSlots;
}

bool ThreadTaint::returnsThreadAddress(const MachineInstr &Call) const {
  bool Named = false;
  for (const MachineOperand &O : Call.operands()) {
    StringRef Name = symbolOf(O);
    if (Name.empty())
      continue;
    Named = true;
    if (isThreadFunction(Name) || Name.starts_with(OutlinedPrefix))
      return true;
  }
  return !Named && IndirectCallsTaint;
}

bool ThreadTaint::mentionsThreadFunction(const MachineInstr &MI) const {
  return any_of(MI.operands(), [](const MachineOperand &O) { return isThreadFunction(symbolOf(O)); });
}

bool ThreadTaint::isSource(const Instruction &I) const {
  const MachineInstr &MI = *I.MI;
  if (I.Class == OpClass::TlsAddress || I.Class == OpClass::ReadSegment)
    return true;
  if (MI.isInlineAsm())
    return mentionsSegment(MI);
  return MI.isCall() ? returnsThreadAddress(MI) : loadsThreadPointer(MI, C.Model);
}

bool ThreadTaint::findSources() {
  for (const Instruction &I : C.Instructions)
    IndirectCallsTaint |= !I.MI->isCall() && mentionsThreadFunction(*I.MI);
  return any_of(C.Instructions, [&](const Instruction &I) { return isSource(I) || relyOnThreadInit(*I.MI); });
}

// The spill slot that an instruction loads from or stores to, or -1.
int ThreadTaint::spillSlot(const MachineInstr &MI, bool Store) const {
  const MachineFrameInfo &Frame = C.MF.getFrameInfo();
  if (MI.getNumMemOperands() != 1)
    return -1;
  const MachineMemOperand &M = **MI.memoperands_begin();
  auto *Slot = dyn_cast_or_null<FixedStackPseudoSourceValue>(M.getPseudoValue());
  if (!Slot || (Store ? !M.isStore() : !M.isLoad()))
    return -1;
  int Index = Slot->getFrameIndex();
  return Index >= 0 && Frame.isSpillSlotObjectIndex(Index) ? Index : -1;
}

// Whether nothing of the slot's old contents is left.
bool ThreadTaint::overwrites(const MachineInstr &MI, int Slot) const {
  LocationSize Size = (*MI.memoperands_begin())->getSize();
  return !MI.mayLoad() && Size.hasValue() && Size.getValue() >= static_cast<uint64_t>(C.MF.getFrameInfo().getObjectSize(Slot));
}

// Whether a tainted register is among the values that an instruction works on. Registers of an address count only where no memory is accessed.
bool ThreadTaint::readsTaint(const MachineInstr &MI, const State &S) const {
  MemoryOperands M = MI.mayLoadOrStore() ? memoryOperands(MI) : MemoryOperands();
  for (unsigned I = 0; I != MI.getNumOperands(); ++I) {
    const MachineOperand &O = MI.getOperand(I);
    if (!O.isReg() || !O.isUse() || !O.getReg() || O.isUndef() || (M && M.contains(I)))
      continue;
    if (taintBits(C.Model.info(O.getReg())) & S.Registers)
      return true;
  }
  return false;
}

bool ThreadTaint::loadsTaint(const MachineInstr &MI, const State &S) const {
  if (!MI.mayLoad() || S.Slots.none())
    return false;
  if (int Slot = spillSlot(MI, false); Slot >= 0)
    return S.Slots.test(Slot);
  // A load that LLVM no longer describes might be a reload.
  return MI.memoperands_empty() && !MI.isCall();
}

void ThreadTaint::define(const MachineInstr &MI, State &S, bool Tainted) const {
  for (const MachineOperand &O : MI.operands()) {
    if (!O.isReg() || !O.isDef() || !O.getReg())
      continue;
    const RegInfo &Info = C.Model.info(O.getReg());
    uint64_t Bits = taintBits(Info);
    if (Tainted)
      S.Registers |= Bits;
    else if (Info.Class != RegClass::General || Info.Width >= 4)
      S.Registers &= ~Bits;
  }
}

void ThreadTaint::call(const Instruction &I, State &S) const {
  for (const MachineOperand &O : I.MI->operands()) {
    if (!O.isRegMask())
      continue;
    for (unsigned R = 0; R != GeneralCount; ++R)
      if (O.clobbersPhysReg(C.Model.general(R)))
        S.Registers &= ~(uint64_t(1) << R);
    for (unsigned R = 0; R != 32; ++R)
      if (MCRegister V = C.Model.vector(R, 0); V && O.clobbersPhysReg(V))
        S.Registers &= ~(uint64_t(1) << (VectorShift + R));
  }
  bool Outlined = any_of(I.MI->operands(), [](const MachineOperand &O) { return symbolOf(O).starts_with(OutlinedPrefix); });
  define(*I.MI, S, Outlined);
  if (isSource(I))
    S.Registers |= uint64_t(1) << RAX;
}

void ThreadTaint::store(const MachineInstr &MI, State &S, bool Tainted) const {
  int Slot = spillSlot(MI, true);
  if (Tainted && Slot < 0)
    S.Escaped = true;
  else if (Tainted)
    S.Slots.set(Slot);
  else if (Slot >= 0 && overwrites(MI, Slot))
    S.Slots.reset(Slot);
}

void ThreadTaint::step(const Instruction &I, State &S) const {
  const MachineInstr &MI = *I.MI;
  S.Escaped |= relyOnThreadInit(MI);
  if (MI.isCall() || I.Class == OpClass::TlsAddress)
    return call(I, S);
  bool Tainted = isSource(I) || loadsTaint(MI, S) || (!isZeroing(I) && readsTaint(MI, S));
  bool Pushes = I.Class == OpClass::Push || I.Class == OpClass::PushOther;
  if (MI.mayStore() || Pushes)
    store(MI, S, Tainted);
  else if (MI.isInlineAsm() && MI.mayLoadOrStore() && readsTaint(MI, S))
    S.Escaped = true;
  define(MI, S, Tainted);
}

void ThreadTaint::propagate() {
  State Empty;
  Empty.Slots.resize(SlotCount);
  In.assign(C.Blocks.size(), Empty);
  for (bool Changed = true; Changed;) {
    Changed = false;
    for (const MachineBasicBlock &B : C.MF) {
      State S = In[B.getNumber()];
      for (unsigned I = C.range(B).Begin; I != C.range(B).End; ++I) {
        step(C.Instructions[I], S);
        if (C.Instructions[I].MI->isCall())
          for (const MachineBasicBlock *T : B.successors())
            if (T->isEHPad())
              Changed |= In[T->getNumber()].merge(S);
      }
      for (const MachineBasicBlock *T : B.successors())
        Changed |= In[T->getNumber()].merge(S);
    }
  }
}

// Liveness of spill slots, backwards over one instruction.
void ThreadTaint::slotStep(const MachineInstr &MI, SmallBitVector &Slots) const {
  if (int Slot = spillSlot(MI, true); Slot >= 0 && overwrites(MI, Slot))
    Slots.reset(Slot);
  if (!MI.mayLoad())
    return;
  if (int Slot = spillSlot(MI, false); Slot >= 0)
    Slots.set(Slot);
  else if (MI.memoperands_empty() && !MI.isCall())
    Slots.set();
}

// The spill slots that are live before each instruction of a block, last first. Slots that a landing pad reads are live at every call.
template <typename Visitor>
void ThreadTaint::walkSlots(const MachineBasicBlock &B, Visitor Visit) const {
  SmallBitVector Slots(SlotCount), Pads(SlotCount);
  for (const MachineBasicBlock *T : B.successors())
    (T->isEHPad() ? Pads : Slots) |= SlotsIn[T->getNumber()];
  Slots |= Pads;
  for (unsigned I = C.range(B).End; I-- > C.range(B).Begin;) {
    slotStep(*C.Instructions[I].MI, Slots);
    Slots |= Pads;
    Visit(I, Slots);
  }
}

void ThreadTaint::propagateSlots() {
  SlotsIn.assign(C.Blocks.size(), SmallBitVector(SlotCount));
  for (bool Changed = true; Changed;) {
    Changed = false;
    for (const MachineBasicBlock &B : reverse(C.MF)) {
      SmallBitVector &In = SlotsIn[B.getNumber()], Slots(SlotCount);
      for (const MachineBasicBlock *T : B.successors())
        Slots |= SlotsIn[T->getNumber()];
      walkSlots(B, [&](unsigned, const SmallBitVector &Before) { Slots = Before; });
      Changed |= Slots != In;
      In = Slots;
    }
  }
}

void ThreadTaint::mark() {
  Pinned.assign(C.size(), false);
  std::vector<SmallBitVector> SlotsBefore;
  for (const MachineBasicBlock &B : C.MF) {
    const BlockRange &R = C.range(B);
    SlotsBefore.resize(R.End - R.Begin);
    walkSlots(B, [&](unsigned I, const SmallBitVector &Before) { SlotsBefore[I - R.Begin] = Before; });
    State S = In[B.getNumber()];
    for (unsigned I = R.Begin; I != R.End; ++I) {
      const RegisterSet &L = Live.before(I);
      uint64_t LiveBits = L.general() | uint64_t(L.vectors()) << VectorShift;
      const MachineInstr &MI = *C.Instructions[I].MI;
      Pinned[I] =
          S.Escaped || (S.Registers & LiveBits) || S.Slots.anyCommon(SlotsBefore[I - R.Begin]) || (MI.isCall() && relyOnThreadInit(MI));
      step(C.Instructions[I], S);
    }
  }
}

ThreadTaint::ThreadTaint(const Code &C, const Liveness &Live) : C(C), Live(Live) {
  if (!findSources())
    return;
  SlotCount = static_cast<unsigned>(std::max(0, C.MF.getFrameInfo().getObjectIndexEnd()));
  propagate();
  propagateSlots();
  mark();
}

} // namespace stillpoint
