// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The flows that ReferenceFlow.h describes.
#include "passes/machine/ReferenceFlow.h"
#include "passes/Markers.h"

#include "llvm/CodeGen/MachineRegisterInfo.h"
#include "llvm/CodeGen/TargetInstrInfo.h"
#include "llvm/CodeGen/TargetSubtargetInfo.h"
#include "llvm/IR/DerivedTypes.h"
#include "llvm/IR/Function.h"
#include "llvm/IR/InlineAsm.h"
#include "llvm/IR/Instructions.h"

using namespace llvm;

namespace stillpoint {

namespace {

constexpr uint64_t GeneralBits = 0xffff & ~(uint64_t(1) << RSP);

bool isReference(const Type *T) { return T->isPointerTy() && T->getPointerAddressSpace() == ReferenceAddressSpace; }

// The parts of a returned value that go into general registers, in order.
void flatten(Type *T, SmallVectorImpl<Type *> &Parts) {
  if (auto *S = dyn_cast<StructType>(T)) {
    for (Type *E : S->elements())
      flatten(E, Parts);
  } else if (auto *A = dyn_cast<ArrayType>(T)) {
    for (uint64_t I = 0; I != std::min<uint64_t>(A->getNumElements(), 4); ++I)
      flatten(A->getElementType(), Parts);
  } else if (T->isIntOrPtrTy()) {
    Parts.push_back(T);
  }
}

// Whether every reference in a value is null or a marker's result.
bool isMarked(const Value &V) {
  if (auto *Insert = dyn_cast<InsertValueInst>(&V))
    return isMarked(*Insert->getAggregateOperand()) && isMarked(*Insert->getInsertedValueOperand());
  if (auto *Call = dyn_cast<CallBase>(&V))
    if (auto *Asm = dyn_cast<InlineAsm>(Call->getCalledOperand()))
      return Asm->getAsmString() == RefMarker;
  return isa<Constant>(V) || V.getType()->isFPOrFPVectorTy() || V.getType()->isIntegerTy();
}

} // namespace

bool ReferenceFlow::State::merge(const State &O) {
  State Old{Registers, Written, {}};
  bool New = O.Words.test(Words);
  Registers |= O.Registers;
  Written |= O.Written;
  Words |= O.Words;
  return New || Registers != Old.Registers || Written != Old.Written;
}

bool ReferenceFlow::Demand::merge(const Demand &O) {
  bool New = O.LiveWords.test(LiveWords);
  LiveWords |= O.LiveWords;
  return References.merge(O.References) || New;
}

uint64_t ReferenceFlow::bitsOf(const RegInfo &I) {
  if (I.Class == RegClass::General)
    return I.Bits & GeneralBits;
  return I.Class == RegClass::Vector ? uint64_t(I.Bits) << VectorShift : 0;
}

uint64_t ReferenceFlow::bitsOf(const MachineOperand &O) const { return O.isReg() && O.getReg() ? bitsOf(C.Model.info(O.getReg())) : 0; }

// Registers whose old value is gone behind an instruction.
uint64_t ReferenceFlow::clobbered(const MachineInstr &MI) const {
  uint64_t Bits = 0;
  for (const MachineOperand &O : MI.operands()) {
    if (O.isReg() && O.isDef())
      Bits |= bitsOf(O);
    if (!O.isRegMask())
      continue;
    for (unsigned R = 0; R != GeneralCount; ++R)
      if (O.clobbersPhysReg(C.Model.general(R)))
        Bits |= uint64_t(1) << R;
    for (unsigned R = 0; R != 32; ++R)
      if (MCRegister V = C.Model.vector(R, 0); V && O.clobbersPhysReg(V))
        Bits |= uint64_t(1) << (VectorShift + R);
  }
  return Bits;
}

// Whole registers among the values that an instruction works on.
uint64_t ReferenceFlow::storedSources(const MachineInstr &MI) const {
  MemoryOperands M = MI.mayLoadOrStore() ? memoryOperands(MI) : MemoryOperands();
  uint64_t Bits = 0;
  for (unsigned I = 0; I != MI.getNumOperands(); ++I) {
    const MachineOperand &O = MI.getOperand(I);
    if (O.isReg() && O.isUse() && !O.isUndef() && O.getReg() && !M.contains(I) && isWhole(C.Model.info(O.getReg())))
      Bits |= bitsOf(O);
  }
  return Bits;
}

// The registers any of which the result may be made of.
uint64_t ReferenceFlow::valueSources(const Instruction &I) const {
  const MachineInstr &MI = *I.MI;
  switch (C.Model.valueOf(MI)) {
  case ValueOp::Difference:
    return bitsOf(MI.getOperand(1));
  case ValueOp::Either:
  case ValueOp::Offset:
  case ValueOp::Vector:
    return storedSources(MI);
  default:
    break;
  }
  // Whatever is made of vector registers may have a reference in it.
  if (MI.getNumExplicitDefs() == 1 &&
      C.Model.info(MI.getOperand(0).isReg() ? MI.getOperand(0).getReg() : Register()).Class == RegClass::Vector)
    return storedSources(MI);
  if (auto Copy = C.MF.getSubtarget().getInstrInfo()->isCopyInstr(MI))
    return isWhole(C.Model.info(Copy->Source->getReg())) ? bitsOf(*Copy->Source) : 0;
  return 0;
}

// The register that gets an instruction's value, if it can be a reference.
uint64_t ReferenceFlow::result(const Instruction &I) const {
  const MachineInstr &MI = *I.MI;
  if (MI.isCall() || isMarker(I.Class) || MI.getNumExplicitDefs() == 0 || !MI.getOperand(0).isReg() || !MI.getOperand(0).getReg())
    return 0;
  return isWhole(C.Model.info(MI.getOperand(0).getReg())) ? bitsOf(MI.getOperand(0)) : 0;
}

uint16_t ReferenceFlow::offsetBase(unsigned Index) const {
  const Instruction &I = C.Instructions[Index];
  ValueOp Op = C.Model.valueOf(*I.MI);
  bool Offsets = Op == ValueOp::Offset || Op == ValueOp::Difference;
  return Offsets ? static_cast<uint16_t>(valueSources(I) & Before[Index].Registers) : 0;
}

bool ReferenceFlow::wordsHold(const State &S, const WordAccess *A) const {
  return A && any_of(A->Words, [&](unsigned W) { return S.Words.test(W); });
}

bool ReferenceFlow::makesReference(const Instruction &I, const State &S, const WordAccess *A) const {
  const MachineInstr &MI = *I.MI;
  bool Reloads = MI.mayLoad() && wordsHold(S, A);
  // A value that is only compared with memory, or that is loaded through the reference, makes none.
  bool Values = valueSources(I) & S.Registers;
  if (C.Model.valueOf(MI) == ValueOp::Difference && Values) {
    uint64_t Second = MI.getOperand(2).isReg() ? bitsOf(MI.getOperand(2)) : 0;
    return !(Second & S.Registers);
  }
  return Reloads || Values;
}

// What a store does to the words of the frame.
void ReferenceFlow::store(unsigned Index, State &S) const {
  const Instruction &I = C.Instructions[Index];
  const MachineInstr &MI = *I.MI;
  const WordAccess *A = Stack.access(Index);
  bool Pushes = (I.Class == OpClass::Push || I.Class == OpClass::PushOther) && !MI.getFlag(MachineInstr::FrameSetup);
  bool Value = storedSources(MI) & S.Registers;
  if (Pushes && (Value || wordsHold(S, A)))
    S.Registers |= ArgumentBit;
  if (!A || !MI.mayStore() || Pushes)
    return;
  if (Value && A->Outgoing)
    S.Registers |= ArgumentBit;
  for (unsigned W : A->Words) {
    if (Value)
      S.Words.set(W);
    else if (!MI.mayLoad())
      S.Words.reset(W);
  }
}

void ReferenceFlow::forward(unsigned Index, State &S) const {
  const Instruction &I = C.Instructions[Index];
  const MachineInstr &MI = *I.MI;
  S.Written |= clobbered(MI);
  if (I.Class == OpClass::RefMarker) {
    S.Registers |= clobbered(MI);
    return;
  }
  if (I.Class == OpClass::RootsMarker)
    S.Registers &= ~RootsPendingBit;
  if (isMarker(I.Class))
    return;
  if (MI.isCall()) {
    S.Registers &= ~(clobbered(MI) | ArgumentBit);
    return;
  }
  if (C.Model.valueOf(MI) == ValueOp::Exchange) {
    uint64_t A = bitsOf(MI.getOperand(0)), B = bitsOf(MI.getOperand(1));
    uint64_t Both = S.Registers & (A | B);
    S.Registers = (S.Registers & ~(A | B)) | (Both & A ? B : 0) | (Both & B ? A : 0);
    return;
  }
  bool Pops = I.Class == OpClass::Pop && (S.Registers & ArgumentBit);
  bool Reference = Pops || makesReference(I, S, Stack.access(Index));
  store(Index, S);
  S.Registers &= ~clobbered(MI);
  if (Reference)
    S.Registers |= result(I);
}

void ReferenceFlow::backwardMarker(unsigned Index, Demand &D) {
  const Instruction &I = C.Instructions[Index];
  if (I.Class == OpClass::RootsMarker)
    return;
  D.References.Registers &= ~clobbered(*I.MI);
  SmallVector<MemoryOperands, 1> Memory = markerMemory(*I.MI);
  for (unsigned N = 0; N != I.MI->getNumOperands(); ++N) {
    const MachineOperand &O = I.MI->getOperand(N);
    if (O.isReg() && O.isUse() && none_of(Memory, [&](const MemoryOperands &M) { return M.contains(N); }))
      D.References.Registers |= bitsOf(O);
  }
  if (const WordAccess *A = Stack.access(Index))
    for (unsigned W : A->Words) {
      D.References.Words.set(W);
      D.LiveWords.set(W);
    }
}

// Liveness of words over one instruction.
void ReferenceFlow::access(unsigned Index, Demand &D) {
  const MachineInstr &MI = *C.Instructions[Index].MI;
  // A tail call takes its arguments from where ours were.
  if (MI.isCall() && MI.isReturn())
    for (unsigned W = 0; W != Stack.size(); ++W)
      if (Stack[W].Incoming)
        D.LiveWords.set(W);
  const WordAccess *A = Stack.access(Index);
  if (!A)
    return;
  for (unsigned W : A->Words) {
    if (MI.mayStore() && !MI.mayLoad() && A->Whole)
      D.LiveWords.reset(W);
    if (MI.mayLoad())
      D.LiveWords.set(W);
  }
}

// The result is demanded as a reference: so are the values that it may be.
void ReferenceFlow::demandSources(unsigned Index, Demand &D, bool Result) {
  const Instruction &I = C.Instructions[Index];
  const MachineInstr &MI = *I.MI;
  const WordAccess *A = Stack.access(Index);
  if (Result && MI.mayLoad() && A) {
    for (unsigned W : A->Words)
      D.References.Words.set(W);
    Lost |= A->Unfollowed;
  }
  ValueOp Op = C.Model.valueOf(MI);
  if (!Result || Op == ValueOp::Offset || Op == ValueOp::Difference)
    return;
  uint64_t Sources = valueSources(I);
  // Of a mask and a reference the mask is none.
  if (uint64_t Known = Sources & Before[Index].Registers; Op == ValueOp::Either && Known)
    Sources = Known;
  D.References.Registers |= Sources;
}

void ReferenceFlow::backward(unsigned Index, Demand &D) {
  const Instruction &I = C.Instructions[Index];
  const MachineInstr &MI = *I.MI;
  if (isMarker(I.Class))
    return backwardMarker(Index, D);
  if (C.Model.valueOf(MI) == ValueOp::Exchange) {
    uint64_t A = bitsOf(MI.getOperand(0)), B = bitsOf(MI.getOperand(1)), Both = D.References.Registers & (A | B);
    D.References.Registers = (D.References.Registers & ~(A | B)) | (Both & A ? B : 0) | (Both & B ? A : 0);
    return;
  }
  bool Result = result(I) & D.References.Registers;
  D.References.Registers &= ~clobbered(MI);
  const WordAccess *A = Stack.access(Index);
  if (A && MI.mayStore()) {
    bool Stored = wordsHold(D.References, A);
    if (!MI.mayLoad() && A->Whole)
      for (unsigned W : A->Words)
        D.References.Words.reset(W);
    if (Stored)
      D.References.Registers |= storedSources(MI);
  }
  demandSources(Index, D, Result);
  access(Index, D);
  if (MI.isReturn() && !MI.isCall())
    D.References.Registers |= Returned;
}

// Registers that a return hands on as references. Where each value that is returned has gone through a marker, the forward flow has it, and a null
// need not be listed.
uint64_t ReferenceFlow::returned() const {
  static constexpr unsigned Order[] = {RAX, RDX, RCX};
  const Function &F = C.MF.getFunction();
  if (all_of(F, [](const BasicBlock &B) {
        auto *Return = dyn_cast<ReturnInst>(B.getTerminator());
        return !Return || !Return->getReturnValue() || isMarked(*Return->getReturnValue());
      }))
    return 0;
  SmallVector<Type *, 4> Parts;
  flatten(F.getReturnType(), Parts);
  uint64_t Bits = 0;
  for (unsigned I = 0; I != Parts.size() && I != std::size(Order); ++I)
    if (isReference(Parts[I]))
      Bits |= uint64_t(1) << Order[I];
  return Bits;
}

// At the entry, registers that callees save hold what is the caller's, but for arguments.
uint64_t ReferenceFlow::writtenAtEntry() const {
  uint64_t Bits = ~uint64_t(0);
  const MachineRegisterInfo &Info = C.MF.getRegInfo();
  for (const MCPhysReg *R = Info.getCalleeSavedRegs(); R && *R; ++R)
    Bits &= ~bitsOf(C.Model.info(*R));
  for (const auto &[Argument, Virtual] : Info.liveins())
    Bits |= bitsOf(C.Model.info(Argument));
  return Bits;
}

void ReferenceFlow::propagateForward() {
  In.assign(C.Blocks.size(), Empty);
  std::vector<bool> Reached(C.Blocks.size());
  State &Entry = In[C.MF.front().getNumber()];
  Reached[C.MF.front().getNumber()] = true;
  Entry.Registers = RootsPendingBit;
  Entry.Written = writtenAtEntry();
  bool Changed = true;
  auto Enter = [&](const MachineBasicBlock &T, const State &S) {
    Changed |= !Reached[T.getNumber()];
    Reached[T.getNumber()] = true;
    Changed |= In[T.getNumber()].merge(S);
  };
  while (Changed) {
    Changed = false;
    for (const MachineBasicBlock &B : C.MF) {
      if (!Reached[B.getNumber()])
        continue;
      State S = In[B.getNumber()];
      for (unsigned I = C.range(B).Begin; I != C.range(B).End; ++I) {
        forward(I, S);
        if (!C.Instructions[I].LeadsToPads)
          continue;
        // Whatever call of these it is that throws, it stands behind the RootsMarker: in front of it there are only calls that set and copy memory.
        State AtPad = S;
        AtPad.Registers &= ~RootsPendingBit;
        for (const MachineBasicBlock *T : B.successors())
          if (T->isEHPad())
            Enter(*T, AtPad);
      }
      for (const MachineBasicBlock *T : B.successors())
        if (!T->isEHPad())
          Enter(*T, S);
    }
  }
}

// From the end of a block to its beginning. What a landing pad needs is needed at each call that may lead there.
template <typename Visitor>
ReferenceFlow::Demand ReferenceFlow::walkBack(const MachineBasicBlock &B, Visitor Visit) {
  Demand D{Empty, Empty.Words}, Pads = D;
  for (const MachineBasicBlock *T : B.successors())
    (T->isEHPad() ? Pads : D).merge(DemandIn[T->getNumber()]);
  for (unsigned I = C.range(B).End; I-- > C.range(B).Begin;) {
    if (C.Instructions[I].LeadsToPads)
      D.merge(Pads);
    backward(I, D);
    Visit(I, D);
  }
  return D;
}

void ReferenceFlow::propagateBackward() {
  DemandIn.assign(C.Blocks.size(), Demand{Empty, Empty.Words});
  for (bool Changed = true; Changed;) {
    Changed = false;
    for (const MachineBasicBlock &B : reverse(C.MF))
      Changed |= DemandIn[B.getNumber()].merge(walkBack(B, [](unsigned, const Demand &) {}));
  }
}

void ReferenceFlow::record() {
  Points.resize(C.size());
  for (const MachineBasicBlock &B : C.MF)
    walkBack(B, [&](unsigned I, const Demand &D) {
      Point &P = Points[I];
      uint64_t Holds = (Before[I].Registers | D.References.Registers) & Before[I].Written;
      P.Registers = static_cast<uint16_t>(Holds & Live.before(I).general());
      P.Vectors = static_cast<uint32_t>(Holds >> VectorShift) & Live.before(I).vectors();
      P.Argument = Before[I].Registers & ArgumentBit;
      P.RootsReady = !(Before[I].Registers & RootsPendingBit);
      BitVector Words = Before[I].Words;
      Words |= D.References.Words;
      Words &= D.LiveWords;
      P.Words.assign(Words.set_bits_begin(), Words.set_bits_end());
    });
}

ReferenceFlow::ReferenceFlow(const Code &C, const Liveness &Live, const StackWords &Stack) : C(C), Live(Live), Stack(Stack) {
  Empty.Words.resize(Stack.size());
  Returned = returned();
  propagateForward();
  Before.resize(C.size());
  for (const MachineBasicBlock &B : C.MF) {
    State S = In[B.getNumber()];
    for (unsigned I = C.range(B).Begin; I != C.range(B).End; ++I) {
      Before[I] = S;
      forward(I, S);
    }
  }
  propagateBackward();
  record();
}

} // namespace stillpoint
