// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Problem: one pass that leaves a reference in a form that nobody lists, and a program fails once in a million collections, somewhere else.
//
// Mechanism: behind all passes over references, in front of the markers, what they promise is checked, instruction by instruction:
//  1. no reference is undefined, comes from a variable integer, or is a lane of a vector;
//  2. no aggregate with references is loaded or stored, and no memory intrinsic touches a stack object that holds some;
//  3. each stack object with references is a root;
//  4. each store of a reference to what is not scanned again has its barrier;
//  5. no musttail call drops the base of a raw pointer that it passes: the frame that would keep it is gone.
//
// Each finding is an error that names the function and the instruction. Asked for by -stillpoint-verify-references (the tests do): it costs time, and
// says nothing that the programmer could mend.
//
// Rejected: repairing what is found (a second implementation of the passes); assertions (the tests run release builds of LLVM, too).
#include "passes/Markers.h"
#include "passes/ir/Families.h"
#include "passes/ir/LiveReferences.h"
#include "passes/ir/ReferenceTypes.h"

#include "stillpoint/abi/map_format.h"

#include "llvm/Analysis/ValueTracking.h"
#include "llvm/IR/Dominators.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/IntrinsicInst.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;
using namespace stillpoint;

namespace {

cl::opt<bool> VerifyOption("stillpoint-verify-references", cl::Hidden,
                           cl::desc("Check what Stillpoint's passes over references promise each other"));

void report(const Instruction &I, const char *What) {
  std::string Text;
  raw_string_ostream Stream(Text);
  Stream << What << ":" << I;
  reportReferenceError(I, Text);
}

bool isUndefined(const Constant &C) {
  if (!holdsReferences(C.getType()))
    return false;
  return isa<UndefValue>(C) ||
         (isa<ConstantAggregate>(C) && any_of(C.operands(), [](const Use &U) { return isUndefined(*cast<Constant>(U)); }));
}

void checkValues(const Instruction &I) {
  for (const Value *Operand : I.operands())
    if (auto *C = dyn_cast<Constant>(Operand); C && isUndefined(*C))
      report(I, "undefined reference");
  if (isReference(I.getType()) && I.getType()->isVectorTy())
    report(I, "references in a vector");
  if (isa<IntToPtrInst>(I) && isReference(I.getType()))
    report(I, "reference from an integer");
}

bool touchesReferences(const Value *Pointer, const Value *Length, const DataLayout &DL) {
  constexpr uint64_t WordSize = 8;
  auto *Object = dyn_cast<AllocaInst>(getUnderlyingObject(Pointer));
  const MDNode *Roots = Object ? Object->getMetadata(RootsMetadata) : nullptr;
  if (!Roots)
    return Object && holdsReferences(Object->getAllocatedType());
  APInt Begin(64, 0);
  auto *Size = dyn_cast<ConstantInt>(Length);
  if (!Size || Pointer->stripAndAccumulateConstantOffsets(DL, Begin, /*AllowNonInbounds=*/true) != Object)
    return true;
  return any_of(Roots->operands(), [&](const MDOperand &Root) {
    uint64_t At = mdconst::extract<ConstantInt>(Root)->getZExtValue();
    return At < Begin.getZExtValue() + Size->getZExtValue() && Begin.getZExtValue() < At + WordSize;
  });
}

// What was passed in memory is moved where every point is unsafe.
bool isArrival(const AnyMemTransferInst &Copy) {
  auto *Passed = dyn_cast<Argument>(Copy.getRawSource());
  return Passed && Passed->hasByValAttr() && Copy.getFunction()->hasFnAttribute(EntryUnsafeAttribute);
}

void checkMemory(const Instruction &I) {
  Type *Accessed = isa<LoadInst, StoreInst>(I) ? getLoadStoreType(&I) : nullptr;
  if (Accessed && Accessed->isAggregateType() && holdsReferences(Accessed))
    report(I, "aggregate with references in memory");
  if (auto *Object = dyn_cast<AllocaInst>(&I); Object && holdsReferences(Object->getAllocatedType()) && !I.hasMetadata(RootsMetadata))
    report(I, "stack object with references is no root");
  auto *Copy = dyn_cast<AnyMemTransferInst>(&I);
  if (Copy && !isArrival(*Copy) &&
      (touchesReferences(Copy->getRawDest(), Copy->getLength(), I.getDataLayout()) ||
       touchesReferences(Copy->getRawSource(), Copy->getLength(), I.getDataLayout())))
    report(I, "copy of memory with references");
}

bool isBarrier(const Instruction &I) {
  auto *Load = dyn_cast<LoadInst>(&I);
  auto *Flag = Load ? dyn_cast<GlobalVariable>(Load->getPointerOperand()) : nullptr;
  return Flag && Load->isVolatile() && Flag->getSection() == STILLPOINT_MARKING_SECTION;
}

bool isScannedAgain(const Value *Pointer) {
  SmallVector<const Value *> Objects;
  getUnderlyingObjects(Pointer, Objects, /*LI=*/nullptr, /*MaxLookup=*/0);
  return all_of(Objects, [](const Value *Object) { return isa<AllocaInst, GlobalVariable>(Object); });
}

void checkBarrier(const Instruction &I) {
  const Value *Stored = nullptr;
  if (auto *Store = dyn_cast<StoreInst>(&I))
    Stored = Store->getValueOperand();
  else if (auto *Swap = dyn_cast<AtomicRMWInst>(&I))
    Stored = Swap->getValOperand();
  else if (auto *Exchange = dyn_cast<AtomicCmpXchgInst>(&I))
    Stored = Exchange->getNewValOperand();
  if (!Stored || !isReference(Stored->getType()) || isa<Constant>(Stored))
    return;
  const Value *Pointer = isa<StoreInst>(I) ? getLoadStorePointerOperand(&I) : I.getOperand(0);
  if (!isScannedAgain(Pointer) && none_of(make_range(I.getIterator(), I.getParent()->end()), isBarrier))
    report(I, "store of a reference without a barrier");
}

void checkTailCall(const CallInst &Call, const Families &Family) {
  for (Value *Argument : Call.args())
    if (!isBase(*Argument))
      for (Value *Source : Family.sourcesOf(Argument))
        if (!isa<AllocaInst>(Source) && !is_contained(Call.args(), Source))
          return report(Call, "musttail call drops the reference behind an argument");
}

} // namespace

bool stillpoint::verifyReferences(Function &F) {
  SmallVector<const CallInst *> TailCalls;
  for (const Instruction &I : instructions(F)) {
    checkValues(I);
    checkMemory(I);
    checkBarrier(I);
    if (auto *Call = dyn_cast<CallInst>(&I); Call && Call->isMustTailCall())
      TailCalls.push_back(Call);
  }
  if (TailCalls.empty())
    return false;
  DominatorTree DT(F);
  Families Family(F, DT);
  for (const CallInst *Call : TailCalls)
    checkTailCall(*Call, Family);
  return false;
}

bool stillpoint::wantsVerifiedReferences() { return VerifyOption; }
