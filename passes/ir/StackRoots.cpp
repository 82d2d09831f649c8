// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Problem: the collector has to find the references in stack objects (address taken, arrays, aggregates; without optimisation everything), whose words
// nobody follows instruction by instruction.
//
// Mechanism: such an object belongs to the frame's roots for the whole function (Markers.h). It is set to null on entry, before the marker from which
// on it is listed, and again where its scope ends. Its lifetime markers go, so that nothing shares its place. References that arrive in
// memory (byval) are moved to a root of this function first, and those that leave so come from one.
//
// Invariants:
//  - Whenever the marker is passed, every listed word holds a reference, null, or a word that the collector ignores.
//  - A listed object has a fixed place in the frame: where it cannot, the function is an error, not a guess.
//
// Rejected: describing stack objects by liveness of their words (size of the tables; addresses escape); lifetime as the stack colouring sees it (a place
// would be listed by turns as two objects).
#include "passes/Markers.h"
#include "passes/ir/ReferenceTypes.h"
#include "passes/ir/ReferencesInMemory.h"
#include "passes/ir/StackObjects.h"
#include "passes/ir/TypedCopy.h"

#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/InlineAsm.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/IntrinsicInst.h"
#include "llvm/IR/Module.h"

using namespace llvm;
using namespace stillpoint;

namespace {

constexpr uint64_t WordSize = 8;

class StackRoots {
public:
  explicit StackRoots(Function &F) : F(F), Ctx(F.getContext()), DL(F.getDataLayout()) {}

  bool run() {
    bool Passed = copyPassedObjects();
    SmallVector<AllocaInst *> Arrived = adoptArguments();
    StackObjects Objects(F);
    SmallVector<AllocaInst *> Roots;
    for (const auto &[A, Offsets] : Objects.objects())
      if (!Offsets.empty() && isDescribable(*A, Offsets)) {
        makeRoot(*A, Offsets);
        Roots.push_back(A);
      }
    if (!Roots.empty())
      enter(Roots, Objects, Arrived);
    return Passed || !Roots.empty();
  }

private:
  bool isDescribable(AllocaInst &A, const StackObjects::Offsets &Offsets) {
    if (!A.isStaticAlloca() || A.isUsedWithInAlloca())
      reportReferenceError(A, "a stack object of variable size or place cannot hold references to the collected heap");
    else if (any_of(Offsets, [](uint64_t O) { return O % WordSize != 0; }))
      reportReferenceError(A, "a reference to the collected heap has to be aligned to 8 bytes");
    else if (F.hasFnAttribute(Attribute::SafeStack))
      reportReferenceError(A, "references to the collected heap cannot be used together with -fsanitize=safe-stack");
    else
      return true;
    return false;
  }

  // An object passed by value is copied behind everybody's back, when the call is set up; the callee has its references only once it has moved them.
  // Until then the original in this frame holds them.
  bool copyPassedObjects() {
    SmallVector<std::pair<CallBase *, unsigned>> Found;
    for (Instruction &I : instructions(F))
      if (auto *Call = dyn_cast<CallBase>(&I))
        for (unsigned No = 0; No != Call->arg_size(); ++No)
          if (Type *T = Call->getParamByValType(No); T && mayHoldReferences(T) && !isa<AllocaInst>(Call->getArgOperand(No)))
            Found.push_back({Call, No});
    for (auto [Call, No] : Found) {
      Type *T = Call->getParamByValType(No);
      AllocaInst *Own = newObject(T, Call->getParamAlign(No).valueOrOne());
      SmallVector<uint64_t> Offsets;
      appendReferenceOffsets(T, DL, 0, /*Hidden=*/true, Offsets);
      IRBuilder<> B(Call);
      emitTypedCopy(B, {Own, Own->getAlign()}, {Call->getArgOperand(No), Call->getParamAlign(No).valueOrOne()}, DL.getTypeAllocSize(T),
                    Offsets);
      Call->setArgOperand(No, Own);
    }
    return !Found.empty();
  }

  // Own objects in place of arguments in the caller's frame, which the caller does not list.
  SmallVector<AllocaInst *> adoptArguments() {
    SmallVector<AllocaInst *> Arrived;
    for (Argument &A : F.args()) {
      Type *T = A.hasPassPointeeByValueCopyAttr() ? A.getPointeeInMemoryValueType() : nullptr;
      if (!T || !mayHoldReferences(T))
        continue;
      AllocaInst *Own = newObject(T, A.getParamAlign().valueOrOne());
      A.replaceAllUsesWith(Own);
      Sources[Own] = &A;
      Arrived.push_back(Own);
    }
    return Arrived;
  }

  AllocaInst *newObject(Type *T, Align Wanted) {
    return new AllocaInst(T, DL.getAllocaAddrSpace(), nullptr, std::max(Wanted, Align(WordSize)), "", F.getEntryBlock().begin());
  }

  void makeRoot(AllocaInst &A, const StackObjects::Offsets &Offsets) {
    SmallVector<Metadata *> List;
    for (uint64_t Offset : Offsets)
      List.push_back(ConstantAsMetadata::get(ConstantInt::get(Type::getInt64Ty(Ctx), Offset)));
    A.setMetadata(RootsMetadata, MDNode::get(Ctx, List));
    A.setAlignment(std::max(A.getAlign(), Align(WordSize)));
    SmallVector<LifetimeIntrinsic *> Lifetimes;
    for (User *U : A.users())
      if (auto *L = dyn_cast<LifetimeIntrinsic>(U))
        Lifetimes.push_back(L);
    for (LifetimeIntrinsic *L : Lifetimes) {
      if (L->getIntrinsicID() == Intrinsic::lifetime_end) {
        IRBuilder<> B(L);
        setNull(B, A, Offsets);
      }
      L->eraseFromParent();
    }
  }

  void setNull(IRBuilder<> &B, AllocaInst &A, const StackObjects::Offsets &Offsets) {
    constexpr size_t FewWords = 8;
    if (Offsets.size() > FewWords) {
      uint64_t First = *Offsets.begin(), Last = *Offsets.rbegin();
      B.CreateMemSet(B.CreateConstInBoundsGEP1_64(B.getInt8Ty(), &A, First), B.getInt8(0), Last + WordSize - First, Align(WordSize));
      return;
    }
    auto *Null = ConstantPointerNull::get(PointerType::get(Ctx, ReferenceAddressSpace));
    for (uint64_t Offset : Offsets)
      B.CreateAlignedStore(Null, Offset ? B.CreateConstInBoundsGEP1_64(B.getInt8Ty(), &A, Offset) : &A, Align(WordSize));
  }

  // The function's beginning: the roots' places, null or what was passed in them, and the marker.
  void enter(ArrayRef<AllocaInst *> Roots, const StackObjects &Objects, ArrayRef<AllocaInst *> Arrived) {
    BasicBlock &Entry = F.getEntryBlock();
    for (AllocaInst *A : reverse(Roots))
      A->moveBefore(Entry, Entry.begin());
    IRBuilder<> B(&Entry, std::next(Roots.back()->getIterator()));
    for (AllocaInst *A : Roots)
      if (Argument *Source = Sources.lookup(A))
        B.CreateMemCpy(A, A->getAlign(), Source, Source->getParamAlign(), DL.getTypeAllocSize(A->getAllocatedType()));
      else
        setNull(B, *A, Objects.objects().find(A)->second);
    if (!Arrived.empty())
      F.addFnAttr(EntryUnsafeAttribute);
    addMarker(B, Roots);
  }

  void addMarker(IRBuilder<> &B, ArrayRef<AllocaInst *> Roots) {
    SmallVector<Type *> Types(Roots.size(), PointerType::get(Ctx, DL.getAllocaAddrSpace()));
    std::string Constraints;
    for (size_t I = 0; I != Roots.size(); ++I)
      Constraints += "*m,";
    auto *Type = FunctionType::get(B.getVoidTy(), Types, false);
    auto *Asm = InlineAsm::get(Type, RootsMarker, Constraints + "~{memory}", /*hasSideEffects=*/true);
    SmallVector<Value *> Operands(Roots.begin(), Roots.end());
    CallInst *Call = B.CreateCall(Type, Asm, Operands);
    for (unsigned I = 0; I != Roots.size(); ++I)
      Call->addParamAttr(I, Attribute::get(Ctx, Attribute::ElementType, Roots[I]->getAllocatedType()));
    Call->setDoesNotThrow();
  }

  Function &F;
  LLVMContext &Ctx;
  const DataLayout &DL;
  DenseMap<AllocaInst *, Argument *> Sources;
};

} // namespace

bool stillpoint::rootStackObjects(Function &F) { return StackRoots(F).run(); }
