// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Problem: behind register allocation nothing tells a register with a reference from one with an integer.
//
// Mechanism: behind every value that is a reference comes the RefMarker (passes/Markers.h), an empty inline assembly that returns its operand, and
// all uses move to its result. It survives instruction selection and register allocation, costs no instruction, and tells the machine pass
// which register holds a reference where.
//  1. Aggregates with references (results of calls that return two) are taken apart at once, and put together again for uses of the whole.
//  2. Every other value of reference type gets a marker where it is defined: arguments in the entry block, results of
//     invokes on the normal edge.
//
// Left alone: the result of a musttail call, which is returned as it is (the machine pass knows the return registers from the function's type); values that
// are only compared, since nothing is reached through them; and address arithmetic that only addresses memory, which is derived from a
// marked base and folds into addressing modes.
//
// Invariant: what has no place for a marker (callbr, vectors) makes the function undescribed, which is an error.
#include "passes/Markers.h"
#include "passes/ir/LiveReferences.h"
#include "passes/ir/ReferenceTypes.h"

#include "llvm/IR/DebugInfo.h"
#include "llvm/IR/Dominators.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/InlineAsm.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/Transforms/Utils/BasicBlockUtils.h"

using namespace llvm;

namespace {

bool isScalarReference(const Value &V) { return V.getType()->isPointerTy() && stillpoint::isReference(V.getType()); }

// A use that neither reaches memory through the reference nor hands it on.
bool isComparison(const Use &U) { return isa<ICmpInst>(U.getUser()); }

bool isAddressing(const Use &U) {
  const auto *I = cast<Instruction>(U.getUser());
  if (isa<GetElementPtrInst>(I) || isa<AddrSpaceCastInst>(I) || isa<PtrToIntInst>(I) || isComparison(U))
    return true;
  return (isa<LoadInst>(I) || isa<StoreInst>(I) || isa<AtomicCmpXchgInst>(I) || isa<AtomicRMWInst>(I)) &&
         getLoadStorePointerOperand(I) == U.get() && (!isa<StoreInst>(I) || cast<StoreInst>(I)->getValueOperand() != U.get());
}

bool isMustTail(const Value &V) {
  auto *Call = dyn_cast<CallInst>(&V);
  return Call && Call->isMustTailCall();
}

// A PHI is found by the copies that it becomes: whatever flows into it is marked, another PHI, or a constant. A marker of its own would keep these
// copies from being propagated, in the middle of loops.
bool wantsMarker(const Value &V) {
  if (isa<PHINode>(V) || all_of(V.uses(), isComparison) || isMustTail(V))
    return false;
  return !isa<GetElementPtrInst>(V) || !all_of(V.uses(), isAddressing);
}

class Marking {
public:
  explicit Marking(Function &F) : F(F) {
    auto *Pointer = PointerType::get(F.getContext(), stillpoint::ReferenceAddressSpace);
    Marker = InlineAsm::get(FunctionType::get(Pointer, {Pointer}, false), stillpoint::RefMarker, "=r,0", /*hasSideEffects=*/false);
  }

  bool run();

private:
  void collect(Value &V);
  std::optional<BasicBlock::iterator> placeBehind(Value &V);
  CallInst *insertMarker(Value &V, BasicBlock::iterator Place);
  void moveDebugUses(Value &V, Instruction &Marked);
  void markScalar(Value &V);
  void markAggregate(Value &V);
  void markLeaves(Value &V, Type *T, SmallVectorImpl<unsigned> &Path, IRBuilder<> &B, Value *&Rebuilt);
  void giveUp(const Value &V);

  Function &F;
  InlineAsm *Marker;
  SmallVector<Value *> Scalars, Aggregates;
  std::optional<DominatorTree> DT; // only for debug information, made when first needed
  bool Changed = false;
};

void Marking::collect(Value &V) {
  if (!stillpoint::holdsReferences(V.getType()) || V.use_empty())
    return;
  if (isScalarReference(V)) {
    if (wantsMarker(V))
      Scalars.push_back(&V);
  } else if (V.getType()->isAggregateType()) {
    if (!isa<InsertValueInst>(V) && !isa<ExtractValueInst>(V) && !isMustTail(V))
      Aggregates.push_back(&V);
  } else {
    giveUp(V);
  }
}

void Marking::giveUp(const Value &V) {
  F.addFnAttr(stillpoint::UndescribedAttribute);
  if (auto *I = dyn_cast<Instruction>(&V))
    stillpoint::reportReferenceError(*I, isa<CallBrInst>(I) ? "a reference to the collected heap cannot come out of an 'asm goto'"
                                                            : "a vector of references to the collected heap cannot be used like this");
}

// Where a marker of V goes: at the first point that every use comes behind.
std::optional<BasicBlock::iterator> Marking::placeBehind(Value &V) {
  if (isa<Argument>(V))
    return F.getEntryBlock().getFirstNonPHIOrDbgOrAlloca();
  auto &I = cast<Instruction>(V);
  if (auto *Invoke = dyn_cast<InvokeInst>(&I)) {
    BasicBlock *Normal = Invoke->getNormalDest();
    if (!Normal->getSinglePredecessor() || isa<PHINode>(Normal->front()))
      Normal = SplitEdge(Invoke->getParent(), Normal);
    return Normal->getFirstInsertionPt();
  }
  if (I.isTerminator())
    return std::nullopt;
  return std::next(I.getIterator());
}

CallInst *Marking::insertMarker(Value &V, BasicBlock::iterator Place) {
  CallInst *Marked = CallInst::Create(Marker->getFunctionType(), Marker, {&V}, "", Place);
  Marked->setDoesNotThrow();
  Marked->setDoesNotAccessMemory();
  Marked->addFnAttr(Attribute::WillReturn);
  Changed = true;
  return Marked;
}

void Marking::moveDebugUses(Value &V, Instruction &Marked) {
  if (!V.isUsedByMetadata())
    return;
  SmallVector<DbgVariableRecord *> Records;
  findDbgUsers(&V, Records);
  if (!Records.empty() && !DT)
    DT.emplace(F);
  for (DbgVariableRecord *Record : Records)
    if (Record->getInstruction() && DT->dominates(&Marked, Record->getInstruction()))
      Record->replaceVariableLocationOp(&V, &Marked);
}

void Marking::markScalar(Value &V) {
  std::optional<BasicBlock::iterator> Place = placeBehind(V);
  if (!Place)
    return giveUp(V);
  CallInst *Marked = insertMarker(V, *Place);
  V.replaceUsesWithIf(Marked, [&](Use &U) { return U.getUser() != Marked; });
  moveDebugUses(V, *Marked);
}

void Marking::markLeaves(Value &V, Type *T, SmallVectorImpl<unsigned> &Path, IRBuilder<> &B, Value *&Rebuilt) {
  if (!stillpoint::holdsReferences(T))
    return;
  if (!T->isAggregateType()) {
    if (!T->isPointerTy())
      return giveUp(V);
    Value *Leaf = B.CreateExtractValue(&V, Path);
    Rebuilt = B.CreateInsertValue(Rebuilt, insertMarker(*Leaf, B.GetInsertPoint()), Path);
    return;
  }
  uint64_t Count = T->isStructTy() ? T->getStructNumElements() : T->getArrayNumElements();
  for (unsigned I = 0; I != Count; ++I) {
    Path.push_back(I);
    markLeaves(V, T->isStructTy() ? T->getStructElementType(I) : T->getArrayElementType(), Path, B, Rebuilt);
    Path.pop_back();
  }
}

void Marking::markAggregate(Value &V) {
  std::optional<BasicBlock::iterator> Place = placeBehind(V);
  if (!Place)
    return giveUp(V);
  SmallVector<Use *> Uses;
  for (Use &U : V.uses())
    Uses.push_back(&U);
  // Folding constants only: an extract from what was just put together is the marker's result, but by way of code that is selected to nothing.
  IRBuilder<> B((*Place)->getParent(), *Place);
  Value *Rebuilt = &V;
  SmallVector<unsigned> Path;
  markLeaves(V, V.getType(), Path, B, Rebuilt);
  for (Use *U : Uses)
    U->set(Rebuilt);
}

bool Marking::run() {
  for (Argument &A : F.args())
    collect(A);
  for (Instruction &I : instructions(F))
    collect(I);
  bool Undescribed = F.hasFnAttribute(stillpoint::UndescribedAttribute);
  for (Value *V : Scalars)
    markScalar(*V);
  for (Value *V : Aggregates)
    markAggregate(*V);
  return Changed || Undescribed;
}

} // namespace

bool stillpoint::markReferences(Function &F) { return Marking(F).run(); }
