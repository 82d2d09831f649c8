// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The words that StackWords.h describes.
#include "passes/machine/StackWords.h"
#include "passes/Markers.h"

#include "llvm/CodeGen/MachineFrameInfo.h"
#include "llvm/CodeGen/MachineMemOperand.h"
#include "llvm/CodeGen/PseudoSourceValue.h"
#include "llvm/CodeGen/TargetFrameLowering.h"
#include "llvm/CodeGen/TargetInstrInfo.h"
#include "llvm/CodeGen/TargetSubtargetInfo.h"
#include "llvm/IR/Constants.h"
#include "llvm/IR/Function.h"
#include "llvm/IR/InlineAsm.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/Instructions.h"

using namespace llvm;

namespace stillpoint {

using emit::SlotBase;

namespace {

constexpr int64_t WordSize = 8;
// An access of unknown size touches at most this.
constexpr uint64_t WidestAccess = 64;

bool isAligned(int64_t Offset) { return (Offset & (WordSize - 1)) == 0; }
int64_t wordOf(int64_t Offset) { return Offset >> 3; }

bool isSavedRegister(const MachineFrameInfo &Frame, int Object) {
  return any_of(Frame.getCalleeSavedInfo(), [&](const CalleeSavedInfo &I) { return !I.isSpilledToReg() && I.getFrameIdx() == Object; });
}

// 0 if it is not known.
uint64_t sizeOfAccess(const MachineInstr &MI) {
  uint64_t Size = 0;
  for (const MachineMemOperand *M : MI.memoperands()) {
    if (!M->getSize().hasValue() || M->getSize().isScalable())
      return 0;
    Size = std::max<uint64_t>(Size, M->getSize().getValue().getFixedValue());
  }
  return Size;
}

bool storesArgument(const MachineInstr &MI) {
  return any_of(MI.memoperands(), [](const MachineMemOperand *M) {
    const PseudoSourceValue *V = M->getPseudoValue();
    return M->isStore() && V && V->isStack();
  });
}

} // namespace

SmallVector<MemoryOperands, 1> markerMemory(const MachineInstr &Marker) {
  SmallVector<MemoryOperands, 1> Found;
  for (unsigned I = InlineAsm::MIOp_FirstOperand; I < Marker.getNumOperands() && Marker.getOperand(I).isImm();) {
    const InlineAsm::Flag Group(static_cast<uint32_t>(Marker.getOperand(I).getImm()));
    unsigned First = I + 1;
    I = First + Group.getNumOperandRegisters();
    if (Group.isMemKind() && I == First + 5)
      Found.push_back({&Marker.getOperand(First), &Marker.getOperand(First + 1), &Marker.getOperand(First + 2),
                       &Marker.getOperand(First + 3), &Marker.getOperand(First + 4), First});
  }
  return Found;
}

StackWords::Place StackWords::placeOf(int Object) const {
  const MachineFrameInfo &Frame = C.MF.getFrameInfo();
  const TargetSubtargetInfo &Target = C.MF.getSubtarget();
  Register By;
  int64_t Offset = Target.getFrameLowering()->getFrameIndexReference(C.MF, Object, By).getFixed();
  unsigned Number = By.isPhysical() ? C.Model.general64(By) : NoGeneral;
  if (Number == RBX)
    return {SlotBase::BasePointer, Offset};
  if (Number == RSP && C.TRI.hasStackRealignment(C.MF) && !Frame.isFixedObjectIndex(Object))
    return {SlotBase::StackPointer, Offset};
  return {SlotBase::Cfa, Frame.getObjectOffset(Object)};
}

void StackWords::chooseBase() {
  const MachineFrameInfo &Frame = C.MF.getFrameInfo();
  for (int I = 0; I != Frame.getObjectIndexEnd(); ++I)
    if (!Frame.isDeadObjectIndex(I) && !Frame.isVariableSizedObjectIndex(I))
      Base = std::max(Base, placeOf(I).Base);
}

void StackWords::addWords(int Object) {
  Place P = placeOf(Object);
  int64_t End = P.Offset + C.MF.getFrameInfo().getObjectSize(Object);
  for (int64_t At = alignTo(P.Offset, Align(WordSize)); At + WordSize <= End; At += WordSize) {
    auto Number = static_cast<unsigned>(Words.size());
    if (Numbers.try_emplace({static_cast<unsigned>(P.Base), wordOf(At)}, Number).second)
      Words.push_back({P.Base, static_cast<int32_t>(wordOf(At)), P.Base == SlotBase::Cfa && At >= 0});
  }
}

void StackWords::addRoots(int Object) {
  const MDNode *Offsets = C.MF.getFrameInfo().getObjectAllocation(Object)->getMetadata(RootsMetadata);
  Place P = placeOf(Object);
  for (const MDOperand &O : Offsets->operands()) {
    auto *Constant = mdconst::dyn_extract<ConstantInt>(O);
    if (!Constant || P.Base != Base || !isAligned(P.Offset + Constant->getSExtValue())) {
      RootsFound = false;
      return;
    }
    Roots.push_back(static_cast<int32_t>(wordOf(P.Offset + Constant->getSExtValue())));
  }
}

void StackWords::addObjects() {
  const MachineFrameInfo &Frame = C.MF.getFrameInfo();
  SmallPtrSet<const AllocaInst *, 8> Found;
  for (int I = Frame.getObjectIndexBegin(); I != Frame.getObjectIndexEnd(); ++I) {
    if (Frame.isDeadObjectIndex(I) || Frame.isVariableSizedObjectIndex(I))
      continue;
    const AllocaInst *Alloca = Frame.getObjectAllocation(I);
    if (Alloca)
      ProgramObjects.emplace_back(placeOf(I), placeOf(I).Offset + Frame.getObjectSize(I));
    if (Alloca && Alloca->hasMetadata(RootsMetadata)) {
      Found.insert(Alloca);
      addRoots(I);
    } else if (Frame.isFixedObjectIndex(I) ? Frame.getObjectOffset(I) >= 0 : Frame.isSpillSlotObjectIndex(I)) {
      if (!isSavedRegister(Frame, I))
        addWords(I);
    }
  }
  for (const llvm::Instruction &I : instructions(C.MF.getFunction()))
    if (auto *Alloca = dyn_cast<AllocaInst>(&I); Alloca && Alloca->hasMetadata(RootsMetadata))
      RootsFound &= Found.contains(Alloca);
  sort(Roots);
  Roots.erase(llvm::unique(Roots), Roots.end());
}

// How far the base is above RSP behind an instruction, where RSP is the base; whether RBX stands (0), where that is.
int32_t StackWords::stepBase(const Instruction &I, int32_t Shift, bool LastOfSetup) const {
  const MachineInstr &MI = *I.MI;
  bool Setup = MI.getFlag(MachineInstr::FrameSetup), Destroy = MI.getFlag(MachineInstr::FrameDestroy);
  unsigned Watched = Base == SlotBase::BasePointer ? RBX : RSP;
  if ((MI.isCall() && Watched == RSP) || !MI.modifiesRegister(C.Model.general(Watched), &C.TRI))
    return Shift;
  if (Watched == RBX)
    return I.Class == OpClass::Move && C.Model.general64(MI.getOperand(1).getReg()) == RSP ? 0 : NotThere;
  if (Setup)
    return LastOfSetup ? 0 : NotThere;
  // Only an epilogue takes the stack pointer from the frame pointer.
  if (Destroy || Shift == NotThere || MI.readsRegister(C.Model.general(RBP), &C.TRI))
    return NotThere;
  if (Shift == Lost)
    return Lost;
  switch (I.Class) {
  case OpClass::Push:
  case OpClass::PushOther:
    return Shift + 8;
  case OpClass::Pop:
  case OpClass::PopOther:
    return Shift - 8;
  case OpClass::AddImmediate:
    return MI.getOperand(2).isImm() ? Shift - static_cast<int32_t>(MI.getOperand(2).getImm()) : Lost;
  case OpClass::SubImmediate:
    return MI.getOperand(2).isImm() ? Shift + static_cast<int32_t>(MI.getOperand(2).getImm()) : Lost;
  default:
    return Lost;
  }
}

void StackWords::followBase() {
  if (Base == SlotBase::Cfa)
    return;
  Shifts.assign(C.size(), NotThere);
  std::vector<std::optional<int32_t>> In(C.Blocks.size());
  In[C.MF.front().getNumber()] = NotThere;
  auto Enter = [&](const MachineBasicBlock &B, int32_t Shift) {
    auto &Old = In[B.getNumber()];
    int32_t New = !Old || *Old == Shift ? Shift : Lost;
    bool Changed = Old != New;
    Old = New;
    return Changed;
  };
  auto MovesRspInSetup = [&](const Instruction &I) {
    return I.MI->getFlag(MachineInstr::FrameSetup) && I.MI->modifiesRegister(C.Model.general(RSP), &C.TRI);
  };
  for (bool Changed = true; Changed;) {
    Changed = false;
    for (const MachineBasicBlock &B : C.MF) {
      if (!In[B.getNumber()])
        continue;
      int32_t Shift = *In[B.getNumber()];
      const BlockRange &R = C.range(B);
      for (unsigned I = R.Begin; I != R.End; ++I) {
        Shifts[I] = Shift;
        bool Last = C.Instructions[I].MI->getFlag(MachineInstr::FrameSetup) &&
                    none_of(make_range(C.Instructions.begin() + I + 1, C.Instructions.begin() + R.End), MovesRspInSetup);
        Shift = stepBase(C.Instructions[I], Shift, Last);
      }
      // The unwinder gives pushed arguments back.
      for (const MachineBasicBlock *T : B.successors())
        Changed |= Enter(*T, T->isEHPad() && Shift > 0 ? 0 : Shift);
    }
  }
}

StackWords::Position StackWords::position(unsigned Instruction) const {
  if (Base != SlotBase::Cfa) {
    int32_t Shift = Shifts[Instruction];
    return Shift == 0 ? Position::Ready : Shift == NotThere ? Position::Absent : Position::Moved;
  }
  int32_t Depth = Flow.before(Instruction).Depth;
  return Depth == FrameState::Unknown || Depth >= BodyDepth ? Position::Ready : Position::Absent;
}

std::optional<StackWords::Place> StackWords::resolve(const MemoryOperands &M, unsigned Instruction) const {
  if (!M || !M.Base->isReg() || !M.Base->getReg() || M.Index->getReg() || !M.Displacement->isImm() ||
      (M.Segment->isReg() && M.Segment->getReg()))
    return std::nullopt;
  int64_t Displacement = M.Displacement->getImm();
  const FrameState &S = Flow.before(Instruction);
  switch (C.Model.general64(M.Base->getReg())) {
  case RSP:
    if (Base == SlotBase::StackPointer && Shifts[Instruction] != NotThere && Shifts[Instruction] != Lost)
      return Place{Base, Displacement - Shifts[Instruction]};
    if (S.Depth != FrameState::Unknown)
      return Place{SlotBase::Cfa, Displacement - S.Depth};
    return std::nullopt;
  case RBP:
    if (S.FramePointer == FrameState::Rbp::Frame)
      return Place{SlotBase::Cfa, Displacement - 16};
    return std::nullopt;
  case RBX:
    if (Base == SlotBase::BasePointer && Shifts[Instruction] == 0)
      return Place{Base, Displacement};
    return std::nullopt;
  default:
    return std::nullopt;
  }
}

bool StackWords::isOfProgram(const Place &P) const {
  return any_of(ProgramObjects, [&](const auto &O) { return O.first.Base == P.Base && O.first.Offset <= P.Offset && P.Offset < O.second; });
}

void StackWords::add(unsigned Instruction, const MemoryOperands &M) {
  const MachineInstr &MI = *C.Instructions[Instruction].MI;
  std::optional<Place> P = resolve(M, Instruction);
  bool Outgoing = storesArgument(MI);
  if (!P && !Outgoing)
    return;
  WordAccess &A = Accesses[Instruction];
  A.Outgoing = Outgoing;
  if (!P)
    return;
  uint64_t Known = MI.isInlineAsm() ? WordSize : sizeOfAccess(MI), Size = Known ? Known : WidestAccess;
  A.Whole = Known && isAligned(P->Offset) && isAligned(static_cast<int64_t>(Size));
  for (int64_t W = wordOf(P->Offset); W <= wordOf(P->Offset + static_cast<int64_t>(Size) - 1); ++W)
    if (auto Found = Numbers.find({static_cast<unsigned>(P->Base), W}); Found != Numbers.end())
      A.Words.push_back(Found->second);
  A.Unfollowed = A.Words.empty() && !Outgoing && !isOfProgram(*P);
  // An argument of a tail call goes where the caller's own arguments are.
  A.Outgoing &= A.Words.empty();
}

void StackWords::resolveAll() {
  for (unsigned I = 0; I != C.size(); ++I) {
    const Instruction &Instr = C.Instructions[I];
    if (isMarker(Instr.Class)) {
      if (Instr.Class == OpClass::KeepMarker)
        for (const MemoryOperands &M : markerMemory(*Instr.MI))
          add(I, M);
      else if (Instr.Class == OpClass::RootsMarker && Flow.before(I).Depth != FrameState::Unknown)
        BodyDepth = std::max(BodyDepth, Flow.before(I).Depth);
      continue;
    }
    if (Instr.MI->mayLoadOrStore() || Instr.MI->isCall())
      add(I, memoryOperands(*Instr.MI));
  }
}

const WordAccess *StackWords::access(unsigned Instruction) const {
  auto Found = Accesses.find(Instruction);
  return Found == Accesses.end() ? nullptr : &Found->second;
}

StackWords::StackWords(const Code &C, const FrameFlow &Flow) : C(C), Flow(Flow) {
  chooseBase();
  addObjects();
  followBase();
  resolveAll();
}

} // namespace stillpoint
