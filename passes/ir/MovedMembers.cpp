// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Problem: BaseValues keeps the base of each member in a stack object in some word. Such a word is written again in the next turn of a loop, while the member
// may still be in the object, at a place that only the function knows that moved it there: arrays that are filled in a loop by calls, or
// permuted between stores.
//
// Mechanism:
//  1. An object is displaced if a site with words of its own puts another base there in each turn; if what it got from another object, or its own
//     order, is a call's or an inexact copy's doing and the shadow of what was moved may be written later; or if the object that it got
//     members from is displaced.
//  2. All words of a displaced object are roots: members are pointers into their objects.
//  3. A call that may move members has them in its registers now and then, and in no object. What a displaced object holds in front of such a call is
//     copied to roots of its own, which hold the whole set until the next one.
//  4. What is loaded from a displaced object stands for itself (BaseValues.cpp, 4).
//
// Invariant: each object of the heap that a member in a stack object points into is held, by the member's base, by the word that it is in, or, during a call
// that moves it, by the copy. Memory outside of the heap, which an object owns, is held by the first only.
//
// Rejected: no shadows, and only this (such memory would be lost in code that has no such loop); a set of bases that grows in the loop (everything
// that a server ever served); an error for such calls (half of the calls in loops only might move something). Text is not looked at: an
// object that is characters and nothing else, as Clang made it, has members only where this function puts them.
#include "passes/ir/MovedMembers.h"
#include "passes/Markers.h"
#include "passes/ir/ReferenceTypes.h"
#include "passes/ir/ReferencesInMemory.h"

#include "llvm/ADT/SCCIterator.h"
#include "llvm/IR/CFG.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/IntrinsicInst.h"
#include "llvm/IR/Module.h"

using namespace llvm;
using namespace stillpoint;

namespace {

constexpr uint64_t WordSize = 8, MostCopiedWords = 8;

bool isText(const Value *Object) {
  Type *T = cast<AllocaInst>(Object)->getAllocatedType();
  while (auto *Array = dyn_cast<ArrayType>(T))
    T = Array->getElementType();
  auto *Class = dyn_cast<StructType>(T);
  return T->isIntegerTy(8) || (Class && Class->hasName() && Class->getName().starts_with("class.std::__cxx11::basic_string"));
}

bool isWholeCall(const Instruction &I) { return isa<CallBase>(I) && !isa<AnyMemTransferInst>(I); }

uint64_t sizeOf(const AllocaInst &Object) {
  std::optional<TypeSize> Size = Object.getAllocationSize(Object.getDataLayout());
  return Object.isStaticAlloca() && Size && !Size->isScalable() ? Size->getFixedValue() : 0;
}

// An alloca has no place in the source; what is done with it has.
const Instruction &placeOf(const AllocaInst &Object) {
  const Instruction *First = &Object;
  for (const User *U : Object.users()) // the last first
    if (auto *I = dyn_cast<Instruction>(U); I && I->getDebugLoc())
      First = I;
  return *First;
}

} // namespace

FlowOrder::FlowOrder(Function &F) {
  unsigned Number = 0;
  for (auto It = scc_begin(&F); !It.isAtEnd(); ++It, ++Number)
    for (const BasicBlock *Block : *It)
      Components[Block] = {Number, It.hasCycle()};
}

bool FlowOrder::mayFollow(const Instruction &A, const Instruction &B) const {
  Component Of = Components.lookup(A.getParent()), Other = Components.lookup(B.getParent());
  return Of.Number != Other.Number ? Other.Number < Of.Number : Of.Cycle || A.comesBefore(&B);
}

bool FlowOrder::inOneCycle(const Instruction &A, const Instruction &B) const {
  Component Of = Components.lookup(A.getParent());
  return Of.Cycle && Of.Number == Components.lookup(B.getParent()).Number;
}

MovedMembers::MovedMembers(Function &F, const Families &Family) : Order(F) {
  for (Instruction &I : instructions(F)) {
    auto *Call = dyn_cast<CallBase>(&I);
    if (!Call || (!isRealCall(*Call) && !isa<AnyMemTransferInst>(Call)))
      continue;
    Mover M{&I, Family.objectsReadBy(I), Family.effectOf(I).Objects};
    if (isWholeCall(I))
      M.To.remove_if(isText);
    if (!M.From.empty() && !M.To.empty())
      Movers.push_back(std::move(M));
  }
}

bool MovedMembers::putsOthersAgain(const Instruction &Site, const Families::Sources &Put) const {
  return any_of(Put, [&](Value *Source) {
    auto *Definition = dyn_cast<Instruction>(Source);
    return Definition && Order.inOneCycle(Site, *Definition);
  });
}

bool MovedMembers::displace(const Instruction &Site, const Families::Sources &Objects) {
  bool Changed = false;
  for (Value *Object : Objects)
    if (!isWholeCall(Site) || !isText(Object))
      Changed |= Displaced.insert(Object);
  return Changed;
}

bool MovedMembers::spread(ArrayRef<Overwrite> Overwrites) {
  bool Changed = false;
  for (const Mover &M : Movers)
    if (any_of(M.From, [&](Value *Object) { return isDisplaced(Object); }) || any_of(Overwrites, [&](const Overwrite &Written) {
          return Written.first != M.I && M.From.contains(Written.second) && Order.mayFollow(*M.I, *Written.first);
        }))
      Changed |= displace(*M.I, M.To);
  return Changed;
}

void MovedMembers::holdOver(CallBase &Call, AllocaInst &Object, AllocaInst &Copy) const {
  IRBuilder<> B(&Call);
  uint64_t Words = sizeOf(Object) / WordSize;
  if (Words > MostCopiedWords) {
    callReferenceCopy(B, &Copy, &Object, B.getInt64(Words * WordSize));
    return;
  }
  Type *Reference = B.getPtrTy(ReferenceAddressSpace);
  auto At = [&](AllocaInst &Words, uint64_t N) -> Value * { return N ? B.CreateConstInBoundsGEP1_64(Reference, &Words, N) : &Words; };
  for (uint64_t N = 0; N != Words; ++N) {
    Value *Member = B.CreateAlignedLoad(Reference, At(Object, N), Align(WordSize));
    B.CreateAlignedStore(Member, At(Copy, N), Align(WordSize));
  }
}

void MovedMembers::hold(Function &F) const {
  DenseMap<Value *, AllocaInst *> Copies;
  LLVMContext &Ctx = F.getContext();
  for (Value *V : Displaced) {
    auto *Object = cast<AllocaInst>(V);
    if (sizeOf(*Object) == 0) {
      reportReferenceError(placeOf(*Object),
                           "raw pointers into collected objects are moved about in an array of variable size, where nothing "
                           "keeps the objects alive; make its size constant, or use a gc::array of gc::ref");
      continue;
    }
    Object->setMetadata(MembersMetadata, MDNode::get(Ctx, {}));
    Object->setAlignment(std::max(Object->getAlign(), Align(WordSize)));
  }
  for (const Mover &M : Movers)
    for (Value *V : M.To) {
      auto *Object = cast<AllocaInst>(V);
      if (!isWholeCall(*M.I) || !M.From.contains(V) || !Object->hasMetadata(MembersMetadata) || sizeOf(*Object) < WordSize)
        continue;
      AllocaInst *&Copy = Copies[Object];
      if (!Copy) {
        Type *T = ArrayType::get(PointerType::get(Ctx, ReferenceAddressSpace), sizeOf(*Object) / WordSize);
        Copy =
            new AllocaInst(T, Object->getAddressSpace(), nullptr, Align(WordSize), Object->getName() + ".held", F.getEntryBlock().begin());
      }
      holdOver(cast<CallBase>(*M.I), *Object, *Copy);
    }
}

bool stillpoint::splitCopiesOfMembers(Function &F) {
  return any_of(F.getEntryBlock(), [](const Instruction &I) { return isa<AllocaInst>(I) && I.hasMetadata(MembersMetadata); }) &&
         splitReferenceAccesses(F);
}
