// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Problem: while tasks run, references are being marked. A reference that is stored to an object which has been looked at, and then forgotten where it
// came from, would be missed.
//
// Mechanism: Dijkstra's insertion barrier. Behind every store of a reference stands a test of one byte of this module, which the runtime sets while it
// marks; if set, a cold call hands over what was stored.
//
// Invariants:
//  - The store comes first and the test is volatile, so it stays behind whatever loaded the reference. The reference lives up to the test, listed by
//    the tables: a task may be stopped anywhere in between, and marking may begin there.
//  - The call keeps all registers but R11 (preserve_most), so that code pays for it only where it happens.
//  - No barrier for null, for this function's own stack objects, and for variables that are roots: stacks and roots are looked at again when
//    marking ends.
//
// Rejected: a barrier before the store (an unsafe stretch from test to store); a deletion barrier (reads the old value: a load that
// nearly every store pays for); the byte in the runtime (a load of its address in every function of position-independent code).
#include "passes/Markers.h"
#include "passes/ir/ReferenceTypes.h"
#include "passes/ir/ReferencesInMemory.h"
#include "passes/ir/StackObjects.h"

#include "stillpoint/abi/map_format.h"

#include "llvm/Analysis/ValueTracking.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/MDBuilder.h"
#include "llvm/IR/Module.h"
#include "llvm/Transforms/Utils/BasicBlockUtils.h"

using namespace llvm;
using namespace stillpoint;

namespace {

constexpr char BarrierFunction[] = "__stillpoint_write_barrier";

struct BarrierStore {
  Instruction *Store;
  Value *Stored;
  const Value *Pointer;
};

class WriteBarrier {
public:
  explicit WriteBarrier(Module &M) : M(M) {}

  bool run(Function &F) {
    SmallVector<BarrierStore> Found;
    for (Instruction &I : instructions(F))
      if (auto Store = asStore(I); Store.Stored && needsBarrier(Store))
        Found.push_back(Store);
    for (const BarrierStore &Store : Found)
      addBarrier(Store);
    return !Found.empty();
  }

private:
  static BarrierStore asStore(Instruction &I) {
    BarrierStore Result{&I, nullptr, nullptr};
    if (auto *S = dyn_cast<StoreInst>(&I))
      Result = {&I, S->getValueOperand(), S->getPointerOperand()};
    else if (auto *X = dyn_cast<AtomicCmpXchgInst>(&I))
      Result = {&I, X->getNewValOperand(), X->getPointerOperand()};
    else if (auto *X = dyn_cast<AtomicRMWInst>(&I))
      Result = {&I, X->getValOperand(), X->getPointerOperand()};
    if (Result.Stored && !isReference(Result.Stored->getType()))
      Result.Stored = nullptr;
    return Result;
  }

  bool needsBarrier(const BarrierStore &Store) const {
    if (isa<ConstantPointerNull, UndefValue>(Store.Stored))
      return false;
    SmallVector<const Value *> Objects;
    getUnderlyingObjects(Store.Pointer, Objects, /*LI=*/nullptr, /*MaxLookup=*/0);
    return !all_of(Objects, [&](const Value *V) { return isScannedAgain(V, Store); });
  }

  bool isScannedAgain(const Value *Object, const BarrierStore &Store) const {
    if (auto *A = dyn_cast<AllocaInst>(Object))
      return A->hasMetadata(RootsMetadata);
    auto *G = dyn_cast<GlobalVariable>(Object);
    if (!G || G->isThreadLocal())
      return false;
    constexpr uint64_t WordSize = 8;
    SmallVector<uint64_t> Known = knownReferenceOffsets(Store.Pointer, WordSize, M.getDataLayout());
    return !Known.empty() && Known.front() == 0;
  }

  void addBarrier(const BarrierStore &Store) {
    MDNode *Unlikely = MDBuilder(M.getContext()).createUnlikelyBranchWeights();
    IRBuilder<> B(Store.Store->getNextNode());
    B.SetCurrentDebugLocation(Store.Store->getDebugLoc());
    Value *Marking = B.CreateAlignedLoad(B.getInt8Ty(), markingFlag(), Align(1), /*isVolatile=*/true);
    Value *IsOn = B.CreateICmpNE(Marking, B.getInt8(0));
    Instruction *Cold = SplitBlockAndInsertIfThen(IsOn, B.GetInsertPoint(), /*Unreachable=*/false, Unlikely);
    B.SetInsertPoint(Cold);
    CallInst *Call = B.CreateCall(barrierFunction(), {Store.Stored});
    Call->setCallingConv(CallingConv::PreserveMost);
    Call->setDoesNotThrow();
  }

  FunctionCallee barrierFunction() {
    auto *Type = FunctionType::get(Type::getVoidTy(M.getContext()), {PointerType::get(M.getContext(), ReferenceAddressSpace)}, false);
    FunctionCallee Callee = M.getOrInsertFunction(BarrierFunction, Type);
    if (auto *F = dyn_cast<Function>(Callee.getCallee()); F && F->isDeclaration()) {
      F->setCallingConv(CallingConv::PreserveMost);
      F->addFnAttr(Attribute::Cold);
      F->addFnAttr(Attribute::NonLazyBind); // the resolver would not keep R10
      F->setDoesNotThrow();
    }
    return Callee;
  }

  // One for each object file, without a symbol.
  GlobalVariable *markingFlag() {
    for (GlobalVariable &G : M.globals())
      if (G.getSection() == STILLPOINT_MARKING_SECTION)
        return &G;
    auto *Byte = Type::getInt8Ty(M.getContext());
    auto *Flag =
        new GlobalVariable(M, Byte, /*isConstant=*/false, GlobalValue::PrivateLinkage, ConstantInt::get(Byte, 0), "stillpoint.marking");
    Flag->setSection(STILLPOINT_MARKING_SECTION);
    Flag->setDSOLocal(true);
    return Flag;
  }

  Module &M;
};

} // namespace

bool stillpoint::addWriteBarriers(Function &F) { return WriteBarrier(*F.getParent()).run(F); }
