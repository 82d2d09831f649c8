// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Problem: memory that holds references is also copied, loaded and stored wholesale: memcpy becomes integers or vector registers, aggregates and vectors of
// references are values of their own. In the middle of that no table could say where the references are, and no barrier would see them.
//
// Mechanism: early on small copies of objects whose type is known become loads and stores of each reference. At the head of code generation what is left of
// copies over memory with references becomes that too, or a call of the runtime if it is large, of variable size, or may overlap; aggregates and
// vectors of references are taken apart.
//
// Invariants: behind the second step a reference moves only by itself, in an instruction whose type says so, or inside of the runtime, which nobody stops.
//
// Rejected: calling such stretches unsafe (instruction selection expands copies where the tables are not yet thought of, and the barrier would still be
// missing).
#include "passes/Markers.h"
#include "passes/ir/ReferenceTypes.h"
#include "passes/ir/ReferencesInMemory.h"
#include "passes/ir/StackObjects.h"
#include "passes/ir/TypedCopy.h"
#include "passes/ir/VectorSplit.h"

#include "llvm/IR/InstIterator.h"
#include "llvm/IR/IntrinsicInst.h"
#include "llvm/IR/Module.h"

#include <optional>

using namespace llvm;
using namespace stillpoint;

namespace {

constexpr uint64_t InlineCopySize = 128;
constexpr char CopyFunction[] = "__stillpoint_copy_references";

SmallVector<AnyMemTransferInst *> copiesIn(Function &F) {
  SmallVector<AnyMemTransferInst *> Found;
  for (Instruction &I : instructions(F))
    if (auto *Copy = dyn_cast<AnyMemTransferInst>(&I))
      Found.push_back(Copy);
  return Found;
}

std::optional<uint64_t> fixedLength(const AnyMemTransferInst &Copy) {
  if (auto *Length = dyn_cast<ConstantInt>(Copy.getLength()))
    return Length->getZExtValue();
  return std::nullopt;
}

// What either side is known to hold, the other is given.
SmallVector<uint64_t> united(ArrayRef<uint64_t> A, ArrayRef<uint64_t> B) {
  std::set<uint64_t> All(A.begin(), A.end());
  All.insert(B.begin(), B.end());
  return SmallVector<uint64_t>(All.begin(), All.end());
}

void expandCopy(AnyMemTransferInst &Copy, uint64_t Length, ArrayRef<uint64_t> Offsets) {
  IRBuilder<> B(&Copy);
  emitTypedCopy(B, {Copy.getRawDest(), Copy.getDestAlign().valueOrOne()}, {Copy.getRawSource(), Copy.getSourceAlign().valueOrOne()}, Length,
                Offsets);
  Copy.eraseFromParent();
}

void callCopy(AnyMemTransferInst &Copy) {
  IRBuilder<> B(&Copy);
  callReferenceCopy(B, Copy.getRawDest(), Copy.getRawSource(), Copy.getLength());
  Copy.eraseFromParent();
}

bool splitCopies(Function &F) {
  SmallVector<AnyMemTransferInst *> Copies = copiesIn(F);
  if (Copies.empty())
    return false;
  StackObjects Objects(F);
  bool Changed = false;
  for (AnyMemTransferInst *Copy : Copies) {
    auto Length = fixedLength(*Copy);
    SmallVector<uint64_t> Offsets = united(Objects.offsetsAt(Copy->getRawDest(), Length.value_or(UINT64_MAX)),
                                           Objects.offsetsAt(Copy->getRawSource(), Length.value_or(UINT64_MAX)));
    if (Offsets.empty())
      continue;
    if (Length && *Length <= InlineCopySize && !isa<AnyMemMoveInst>(Copy))
      expandCopy(*Copy, *Length, Offsets);
    else
      callCopy(*Copy);
    Changed = true;
  }
  return Changed;
}

// The parts of a structure or array that are no aggregates themselves.
class AggregateSplit {
public:
  explicit AggregateSplit(const DataLayout &DL) : DL(DL) {}

  void splitLoad(LoadInst &Load) {
    IRBuilder<> B(&Load);
    Value *Whole = Constant::getNullValue(Load.getType());
    forEachPart(Load.getType(), 0, [&](Type *T, uint64_t Offset, ArrayRef<unsigned> Path) {
      Value *Part =
          B.CreateAlignedLoad(T, at(B, Load.getPointerOperand(), Offset), commonAlignment(Load.getAlign(), Offset), Load.isVolatile());
      Whole = B.CreateInsertValue(Whole, Part, Path);
    });
    Load.replaceAllUsesWith(Whole);
    Load.eraseFromParent();
  }

  void splitStore(StoreInst &Store) {
    IRBuilder<> B(&Store);
    Value *Whole = Store.getValueOperand();
    forEachPart(Whole->getType(), 0, [&](Type *, uint64_t Offset, ArrayRef<unsigned> Path) {
      B.CreateAlignedStore(B.CreateExtractValue(Whole, Path), at(B, Store.getPointerOperand(), Offset),
                           commonAlignment(Store.getAlign(), Offset), Store.isVolatile());
    });
    Store.eraseFromParent();
  }

private:
  static Value *at(IRBuilder<> &B, Value *V, uint64_t Offset) {
    return Offset ? B.CreateConstInBoundsGEP1_64(B.getInt8Ty(), V, Offset) : V;
  }

  void forEachPart(Type *T, uint64_t Offset, function_ref<void(Type *, uint64_t, ArrayRef<unsigned>)> Visit) {
    if (auto *S = dyn_cast<StructType>(T)) {
      for (unsigned I = 0; I != S->getNumElements(); ++I)
        descend(S->getElementType(I), I, Offset + DL.getStructLayout(S)->getElementOffset(I), Visit);
    } else if (auto *A = dyn_cast<ArrayType>(T)) {
      for (uint64_t I = 0; I != A->getNumElements(); ++I)
        descend(A->getElementType(), I, Offset + I * DL.getTypeAllocSize(A->getElementType()), Visit);
    } else {
      Visit(T, Offset, Path);
    }
  }

  void descend(Type *T, unsigned Index, uint64_t Offset, function_ref<void(Type *, uint64_t, ArrayRef<unsigned>)> Visit) {
    Path.push_back(Index);
    forEachPart(T, Offset, Visit);
    Path.pop_back();
  }

  const DataLayout &DL;
  SmallVector<unsigned> Path;
};

bool splitAggregates(Function &F) {
  SmallVector<Instruction *> Found;
  for (Instruction &I : instructions(F)) {
    Type *T = isa<LoadInst>(I) ? I.getType() : isa<StoreInst>(I) ? I.getOperand(0)->getType() : nullptr;
    if (T && T->isAggregateType() && holdsReferences(T))
      Found.push_back(&I);
  }
  AggregateSplit Split(F.getDataLayout());
  for (Instruction *I : Found)
    if (auto *Load = dyn_cast<LoadInst>(I))
      Split.splitLoad(*Load);
    else
      Split.splitStore(*cast<StoreInst>(I));
  return !Found.empty();
}

} // namespace

void stillpoint::callReferenceCopy(IRBuilderBase &B, Value *To, Value *From, Value *Length) {
  Module &M = *B.GetInsertBlock()->getModule();
  auto *Ptr = B.getPtrTy();
  FunctionCallee Callee = M.getOrInsertFunction(CopyFunction, FunctionType::get(B.getVoidTy(), {Ptr, Ptr, B.getInt64Ty()}, false));
  B.CreateCall(Callee, {B.CreateAddrSpaceCast(To, Ptr), B.CreateAddrSpaceCast(From, Ptr), B.CreateZExtOrTrunc(Length, B.getInt64Ty())})
      ->setDoesNotThrow();
}

bool stillpoint::typeCopies(Function &F) {
  bool Changed = false;
  const DataLayout &DL = F.getDataLayout();
  for (AnyMemTransferInst *Copy : copiesIn(F)) {
    auto Length = fixedLength(*Copy);
    if (!Length || *Length > InlineCopySize || !isa<MemCpyInst>(Copy))
      continue;
    SmallVector<uint64_t> Offsets = united(knownReferenceOffsets(Copy->getRawDest(), *Length, DL, /*Hidden=*/false),
                                           knownReferenceOffsets(Copy->getRawSource(), *Length, DL, /*Hidden=*/false));
    if (Offsets.empty())
      continue;
    expandCopy(*Copy, *Length, Offsets);
    Changed = true;
  }
  return Changed;
}

bool stillpoint::splitReferenceAccesses(Function &F) {
  bool Changed = splitCopies(F);
  Changed |= splitAggregates(F);
  return splitReferenceVectors(F) || Changed;
}
