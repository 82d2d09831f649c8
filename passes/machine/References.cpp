// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The rules that References.h lists.
#include "passes/machine/References.h"
#include "passes/Markers.h"

#include "llvm/IR/Function.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/Instructions.h"
#include "llvm/Target/TargetMachine.h"

using namespace llvm;

namespace stillpoint {

using Position = StackWords::Position;

namespace {

// Conventions under which a call leaves no more than the callee-saved registers alone.
bool isUsual(CallingConv::ID CC) { return CC == CallingConv::C || CC == CallingConv::Fast || CC == CallingConv::X86_64_SysV; }

bool preservesOnlyInBarriers(const MachineFunction &MF) {
  if (MF.getTarget().Options.EnableIPRA)
    return false;
  return all_of(instructions(MF.getFunction()), [](const llvm::Instruction &I) {
    auto *Call = dyn_cast<CallBase>(&I);
    if (!Call || (isUsual(Call->getCallingConv()) && !Call->hasFnAttr("no_caller_saved_registers")))
      return true;
    return Call->getCalledOperand()->getName() == WriteBarrierFunction;
  });
}

// Functions of the C library that the code generator calls by itself: they never allocate.
bool isOfLibrary(const MachineInstr &Call) {
  // By a register in the large model, whose contents nobody names.
  if (Call.getMF()->getTarget().getCodeModel() == CodeModel::Large)
    return true;
  return any_of(Call.operands(), [](const MachineOperand &O) {
    StringRef Name = O.isSymbol()     ? O.getSymbolName()
                     : O.isGlobal()   ? O.getGlobal()->getName()
                     : O.isMCSymbol() ? O.getMCSymbol()->getName() // FastISel's
                                      : "";
    return Name == "memcpy" || Name == "memmove" || Name == "memset";
  });
}

} // namespace

References::References(const Code &C, const FrameFlow &Frames, const Liveness &Live) : C(C) {
  const Function &F = C.MF.getFunction();
  Undescribed = Reported = F.hasFnAttribute(UndescribedAttribute);
  EntryUnsafe = F.hasFnAttribute(EntryUnsafeAttribute);
  if (!C.hasMarkers()) {
    // What was passed in memory has to be moved behind a marker.
    Undescribed |= EntryUnsafe;
    return;
  }
  OnlyBarriersPreserve = preservesOnlyInBarriers(C.MF);
  Stack = std::make_unique<StackWords>(C, Frames);
  Flow = std::make_unique<ReferenceFlow>(C, Live, *Stack);
  bool HasRootsMarker = any_of(C.Instructions, [](const Instruction &I) { return I.Class == OpClass::RootsMarker; });
  Undescribed |= !Stack->describesRoots() || (!Stack->roots().empty() && !HasRootsMarker) || Flow->losesReferences();
}

void References::describe(emit::FrameDescription &Frame) const {
  if (!Flow || Undescribed)
    return;
  Frame.Base = Stack->base();
  Frame.StackRoots = Stack->roots();
}

// Whether a reference lives across a call in a register that the walk of the stack cannot find.
bool References::losesAcrossCall(unsigned Index) const {
  if (!C.Instructions[Index].MI->isCall() || OnlyBarriersPreserve)
    return false;
  return Flow->before(Index).Registers & ~FoundInOuterFrames & ~writtenRegisters(Index);
}

const char *References::whyLostAcross(unsigned Index, abi::frame_form Form, bool Walkable) const {
  const Instruction &I = C.Instructions[Index];
  if (!any() || !I.MI->isCall() || I.MI->isReturn())
    return nullptr;
  if (Undescribed)
    return Reported ? nullptr : "references are handed on in memory that the code generator made for itself; return fewer of them by value";
  PointReferences R = at(Index, Form);
  if (EntryUnsafe && !Flow->before(Index).RootsReady && isOfLibrary(*I.MI)) // a copy of what was passed in memory
    return nullptr;
  // What was an argument only does not live behind the call.
  if (losesAcrossCall(Index) && Index + 1 != C.size() &&
      (Flow->before(Index + 1).Registers & Flow->before(Index).Registers & ~FoundInOuterFrames & ~writtenRegisters(Index)))
    return "references live across a call in registers that only its convention preserves; use the usual calling convention";
  bool Live = R.Registers & FoundInOuterFrames & ~writtenRegisters(Index) || !R.Slots.empty() || !Stack->roots().empty();
  if ((R.CalleesUnsafe && !losesAcrossCall(Index)) || (Form == abi::frame_unknown && Live))
    return "references live across a call in a frame that cannot be described there; do without stack realignment, pushed arguments and "
           "assembly "
           "that moves the stack pointer in this function";
  if (!Walkable && Live)
    return "references live across a call in a function that no table can describe: of an unusual calling convention, with a stack of its "
           "own, or "
           "one that writes a segment register";
  return nullptr;
}

uint16_t References::writtenRegisters(unsigned Index) const {
  uint16_t Bits = 0;
  for (const MachineOperand &O : C.Instructions[Index].MI->operands()) {
    if (O.isReg() && O.isDef() && O.getReg() && C.Model.info(O.getReg()).Class == RegClass::General)
      Bits |= static_cast<uint16_t>(C.Model.info(O.getReg()).Bits);
    if (O.isRegMask())
      for (unsigned R = 0; R != GeneralCount; ++R)
        Bits |= static_cast<uint16_t>(O.clobbersPhysReg(C.Model.general(R)) << R);
  }
  return Bits;
}

SmallVector<int32_t, 2> References::writtenSlots(unsigned Index) const {
  SmallVector<int32_t, 2> Slots;
  if (const WordAccess *A = Stack ? Stack->access(Index) : nullptr; A && C.Instructions[Index].MI->mayStore())
    for (unsigned W : A->Words)
      if ((*Stack)[W].Base == Stack->base())
        Slots.push_back((*Stack)[W].Index);
  return Slots;
}

// The access of one whole slot that has a name.
const WordAccess *References::slotAccess(unsigned Index) const {
  const WordAccess *A = Stack ? Stack->access(Index) : nullptr;
  return A && A->Whole && A->Words.size() == 1 && (*Stack)[A->Words[0]].Base == Stack->base() ? A : nullptr;
}

std::optional<int32_t> References::reloads(unsigned Index) const {
  const WordAccess *A = slotAccess(Index);
  if (!A || C.Instructions[Index].Class != OpClass::Load)
    return std::nullopt;
  return (*Stack)[A->Words[0]].Index;
}

std::optional<std::pair<int32_t, unsigned>> References::spills(unsigned Index) const {
  const WordAccess *A = slotAccess(Index);
  if (!A || C.Instructions[Index].Class != OpClass::Store)
    return std::nullopt;
  const MachineInstr &MI = *C.Instructions[Index].MI;
  return std::pair((*Stack)[A->Words[0]].Index, C.Model.general64(MI.getOperand(MI.getNumExplicitOperands() - 1).getReg()));
}

void References::addSlots(unsigned Index, abi::frame_form Form, PointReferences &R) const {
  const ReferenceFlow::Point &P = Flow->before(Index);
  Position Where = Stack->position(Index);
  bool Reachable = Stack->base() == emit::SlotBase::Cfa || (Where == Position::Ready && Form == abi::frame_whole);
  for (unsigned W : P.Words) {
    const StackWords::Word &Word = (*Stack)[W];
    if (Word.Base != Stack->base() || !Reachable)
      R.forbid("reference-in-unreachable-slot", /*Callees=*/true);
    R.Slots.push_back(Word.Index);
  }
  sort(R.Slots);
  bool Ready = P.RootsReady && !Stack->roots().empty();
  if (Ready && Where == Position::Moved)
    R.forbid("roots-under-moved-stack", /*Callees=*/true);
  R.RootsReady = Ready && Where == Position::Ready && (Form == abi::frame_whole || Form == abi::frame_explicit);
}

PointReferences References::at(unsigned Index, abi::frame_form Form) const {
  PointReferences R;
  if (Undescribed)
    R.forbid("references-undescribed", /*Callees=*/true);
  if (!Flow || Undescribed)
    return R;
  const ReferenceFlow::Point &P = Flow->before(Index);
  R.Registers = P.Registers;
  if (EntryUnsafe && !P.RootsReady)
    R.forbid("references-passed-in-memory", /*Callees=*/true);
  if (P.Argument)
    R.forbid("reference-in-outgoing-argument", /*Callees=*/false);
  if (P.Vectors)
    R.forbid("reference-in-vector", /*Callees=*/false);
  if (losesAcrossCall(Index))
    R.forbid("reference-lost-across-call", /*Callees=*/true);
  addSlots(Index, Form, R);
  return R;
}

} // namespace stillpoint
