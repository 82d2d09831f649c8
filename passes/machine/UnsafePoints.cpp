// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The rules that UnsafePoints.h lists.
#include "passes/machine/UnsafePoints.h"
#include "passes/Markers.h"

#include "llvm/CodeGen/MachineModuleInfo.h"
#include "llvm/IR/Function.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/Instructions.h"
#include "llvm/Target/TargetMachine.h"

using namespace llvm;

namespace stillpoint {

namespace {

// Assembly that adds no byte: nothing but white space, separators and comments to the end of the line.
bool isSilent(StringRef Text) {
  while (!Text.empty()) {
    Text = Text.ltrim(" \t\n\r;");
    if (Text.starts_with("#"))
      Text = Text.drop_front(std::min(Text.find('\n'), Text.size()));
    else if (!Text.empty())
      return false;
  }
  return true;
}

StringRef asmText(const MachineInstr &MI) { return MI.getOperand(0).getSymbolName(); }

bool isMarker(const MachineInstr &MI, const char *Marker) { return MI.isInlineAsm() && asmText(MI) == Marker; }

// Conventions under which the callee gives back the stack that its arguments took, or has no ordinary frame.
bool isOrdinary(CallingConv::ID CC, bool GuaranteedTailCalls) {
  switch (CC) {
  case CallingConv::Fast:
    return !GuaranteedTailCalls;
  case CallingConv::C:
  case CallingConv::Cold:
  case CallingConv::PreserveMost:
  case CallingConv::PreserveAll:
  case CallingConv::CXX_FAST_TLS:
  case CallingConv::X86_64_SysV:
  case CallingConv::X86_RegCall:
  case CallingConv::X86_VectorCall:
  case CallingConv::Swift:
    return true;
  default:
    return false;
  }
}

bool callsOddly(const Function &F, bool GuaranteedTailCalls) {
  return any_of(instructions(F), [&](const llvm::Instruction &I) {
    auto *Call = dyn_cast<CallBase>(&I);
    return Call && !isOrdinary(Call->getCallingConv(), GuaranteedTailCalls);
  });
}

} // namespace

UnsafePoints::Verdict UnsafePoints::ofFunction(const Liveness &Live) const {
  const Function &F = C.MF.getFunction();
  bool GuaranteedTailCalls = C.MF.getTarget().Options.GuaranteedTailCallOpt;
  if (F.hasFnAttribute(Attribute::Naked))
    return {Danger::NoFrame, "naked"};
  if (C.MF.callsEHReturn())
    return {Danger::NoFrame, "eh-return"};
  if (C.MF.shouldSplitStack() || F.hasFnAttribute(Attribute::SafeStack))
    return {Danger::NoFrame, "other-stack"};
  if (!isOrdinary(F.getCallingConv(), GuaranteedTailCalls))
    return {Danger::NoFrame, "calling-convention"};
  if (Live.usesTiles() || Live.usesExtendedGeneral())
    return {Danger::NoFrame, "unsaved-registers"};
  if (any_of(C.Instructions, [](const auto &I) { return I.Class == OpClass::WriteSegment; }))
    return {Danger::NoFrame, "segment-write"};
  if (callsOddly(F, GuaranteedTailCalls))
    return {Danger::NoFrame, "callee-convention"};
  // What a caller keeps in registers over a call of outlined code is not among that code's operands.
  if (C.MF.isOutlined())
    return {Danger::NoFrame, "outlined"};
  if (Nosplit)
    return {Danger::NoStop, "nosplit"};
  return ReturnsTwice ? Verdict{Danger::NoStop, "returns-twice"} : Verdict{};
}

void UnsafePoints::mark(unsigned Index, Verdict V) {
  if (Points.empty())
    Points.resize(C.size());
  if (V.D > Points[Index].D)
    Points[Index] = V;
}

void UnsafePoints::markInstructions() {
  for (unsigned I = 0; I != C.size(); ++I) {
    const MachineInstr *MI = C.Instructions[I].MI;
    const OpClass Class = C.Instructions[I].Class;
    if (Class == OpClass::Expanded)
      mark(I, {Danger::NoFrame, "expanded"});
    else if (Class == OpClass::TlsAddress)
      mark(I, {Danger::NoFrame, "tls-sequence"});
    else if (MI->isInlineAsm() && !isSilent(asmText(*MI)))
      mark(I, {Danger::NoFrame, "inline-asm"});
  }
}

void UnsafePoints::markRegions() {
  if (none_of(C.Instructions, [](const auto &I) { return isMarker(*I.MI, UnsafeBeginMarker); }))
    return;
  std::vector<unsigned> Depth(C.Blocks.size());
  // The depth cannot grow for ever: a loop that enters a region without leaving it is cut off here.
  static constexpr unsigned Deepest = 64;
  auto Step = [](const MachineInstr &MI, unsigned &D) {
    if (isMarker(MI, UnsafeBeginMarker))
      D = D < Deepest ? D + 1 : D;
    else if (isMarker(MI, UnsafeEndMarker) && D)
      --D;
  };
  for (bool Changed = true; Changed;) {
    Changed = false;
    for (const MachineBasicBlock &B : C.MF) {
      unsigned D = Depth[B.getNumber()], AtPads = 0;
      for (unsigned I = C.range(B).Begin; I != C.range(B).End; ++I) {
        Step(*C.Instructions[I].MI, D);
        if (C.Instructions[I].LeadsToPads)
          AtPads = std::max(AtPads, D);
      }
      for (const MachineBasicBlock *T : B.successors()) {
        unsigned New = T->isEHPad() ? AtPads : D;
        Changed |= New > Depth[T->getNumber()];
        Depth[T->getNumber()] = std::max(Depth[T->getNumber()], New);
      }
    }
  }
  for (const MachineBasicBlock &B : C.MF) {
    unsigned D = Depth[B.getNumber()];
    for (unsigned I = C.range(B).Begin; I != C.range(B).End; ++I) {
      Step(*C.Instructions[I].MI, D);
      if (D)
        mark(I, {Danger::NoStop, "unsafe-region"});
    }
  }
}

UnsafePoints::UnsafePoints(const Code &C, const Liveness &Live) : C(C) {
  const Function &F = C.MF.getFunction();
  Nosplit = F.hasFnAttribute(NosplitAttribute);
  ReturnsTwice = C.MF.exposesReturnsTwice() || F.hasFnAttribute(Attribute::ReturnsTwice) || F.callsFunctionThatReturnsTwice();
  WholeFunction = ofFunction(Live);
  markInstructions();
  markRegions();
}

} // namespace stillpoint
