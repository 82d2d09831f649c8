// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Problem: the tables name general registers and words of the stack, and the vectorisers make vectors of references nevertheless (ReferenceGuard.cpp keeps
// them from nearly all).
//
// Mechanism: in reverse post-order every instruction with a vector of references is done once for each element; what it gives to others as a plain vector
// (comparisons, integers) is put together again.
//
// Invariant: behind it no value is a vector of references, or an error has been reported.
//
// Rejected: LLVM's scalarizer (takes all vectors apart); lanes in the tables (for code that is not made on purpose).
#include "passes/ir/VectorSplit.h"
#include "passes/ir/ReferenceTypes.h"

#include "llvm/ADT/PostOrderIterator.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/InstIterator.h"

using namespace llvm;
using namespace stillpoint;

namespace {

bool isVectorOfReferences(const Type *T) { return isa<FixedVectorType>(T) && isReference(T); }

bool touchesVectors(const Instruction &I) {
  return isVectorOfReferences(I.getType()) || any_of(I.operands(), [](const Use &U) { return isVectorOfReferences(U->getType()); });
}

class VectorSplit {
public:
  explicit VectorSplit(Function &F) : F(F) {}

  bool run() {
    for (BasicBlock *Block : ReversePostOrderTraversal<Function *>(&F))
      for (Instruction &I : *Block)
        if (touchesVectors(I))
          Found.push_back(&I);
    for (Instruction *I : Found)
      if (auto *Phi = dyn_cast<PHINode>(I))
        beginPhi(*Phi);
    for (Instruction *I : Found)
      if (!isa<PHINode>(I))
        split(*I);
    for (Instruction *I : Found)
      if (auto *Phi = dyn_cast<PHINode>(I))
        fillPhi(*Phi);
    for (Instruction *I : Done)
      I->replaceAllUsesWith(PoisonValue::get(I->getType()));
    for (Instruction *I : Done)
      I->eraseFromParent();
    return !Found.empty();
  }

private:
  using Elements = SmallVector<Value *, 4>;

  static unsigned lanes(const Value *V) { return cast<FixedVectorType>(V->getType())->getNumElements(); }

  // The element of a vector of references, or of any other operand of the same instruction.
  Value *element(IRBuilder<> &B, Value *V, unsigned Lane) {
    if (!V->getType()->isVectorTy())
      return V;
    if (!isVectorOfReferences(V->getType()))
      return B.CreateExtractElement(V, Lane);
    if (auto *C = dyn_cast<Constant>(V)) {
      Constant *E = C->getAggregateElement(Lane);
      return E && !isa<UndefValue>(E) ? E : Constant::getNullValue(V->getType()->getScalarType());
    }
    auto It = Parts.find(V);
    return It != Parts.end() ? It->second[Lane] : Constant::getNullValue(V->getType()->getScalarType()); // unreachable, or reported
  }

  void beginPhi(PHINode &Phi) {
    IRBuilder<> B(&Phi);
    for (unsigned Lane = 0; Lane != lanes(&Phi); ++Lane)
      Parts[&Phi].push_back(B.CreatePHI(Phi.getType()->getScalarType(), Phi.getNumIncomingValues()));
    Done.push_back(&Phi);
  }

  void fillPhi(PHINode &Phi) {
    for (unsigned Lane = 0; Lane != lanes(&Phi); ++Lane)
      for (unsigned I = 0; I != Phi.getNumIncomingValues(); ++I) {
        IRBuilder<> B(Phi.getIncomingBlock(I)->getTerminator());
        cast<PHINode>(Parts[&Phi][Lane])->addIncoming(element(B, Phi.getIncomingValue(I), Lane), Phi.getIncomingBlock(I));
      }
  }

  void split(Instruction &I) {
    IRBuilder<> B(&I);
    if (auto *S = dyn_cast<StoreInst>(&I))
      splitStore(B, *S);
    else if (auto *E = dyn_cast<ExtractElementInst>(&I))
      E->replaceAllUsesWith(picked(B, *E));
    else if (!splitValue(B, I)) {
      reportReferenceError(I, "a vector of references to the collected heap cannot be used like this");
      return;
    }
    Done.push_back(&I);
  }

  bool splitValue(IRBuilder<> &B, Instruction &I) {
    if (!isa<LoadInst, InsertElementInst, ShuffleVectorInst, SelectInst, FreezeInst, GetElementPtrInst, CastInst, ICmpInst>(I))
      return false;
    Elements New;
    for (unsigned Lane = 0; Lane != lanes(&I); ++Lane)
      New.push_back(lane(B, I, Lane));
    if (isVectorOfReferences(I.getType())) {
      Parts[&I] = New;
      return true;
    }
    Value *Whole = PoisonValue::get(I.getType());
    for (unsigned Lane = 0; Lane != New.size(); ++Lane)
      Whole = B.CreateInsertElement(Whole, New[Lane], Lane);
    I.replaceAllUsesWith(Whole);
    return true;
  }

  Value *lane(IRBuilder<> &B, Instruction &I, unsigned Lane) {
    if (auto *L = dyn_cast<LoadInst>(&I))
      return B.CreateAlignedLoad(L->getType()->getScalarType(), at(B, L->getPointerOperand(), Lane),
                                 commonAlignment(L->getAlign(), Lane * WordSize), L->isVolatile());
    if (auto *N = dyn_cast<InsertElementInst>(&I)) {
      Value *Old = element(B, N->getOperand(0), Lane);
      return B.CreateSelect(B.CreateICmpEQ(N->getOperand(2), ConstantInt::get(N->getOperand(2)->getType(), Lane)), N->getOperand(1), Old);
    }
    if (auto *S = dyn_cast<ShuffleVectorInst>(&I)) {
      int From = S->getMaskValue(Lane), Width = static_cast<int>(lanes(S->getOperand(0)));
      if (From < 0)
        return Constant::getNullValue(S->getType()->getScalarType());
      return element(B, S->getOperand(From < Width ? 0 : 1), static_cast<unsigned>(From % Width));
    }
    if (auto *C = dyn_cast<ICmpInst>(&I))
      return B.CreateICmp(C->getPredicate(), element(B, C->getOperand(0), Lane), element(B, C->getOperand(1), Lane));
    return sameOnElements(B, I, Lane);
  }

  // Selects, casts, address arithmetic: the same instruction on each element.
  Value *sameOnElements(IRBuilder<> &B, Instruction &I, unsigned Lane) {
    Elements Operands;
    for (Value *V : I.operands())
      Operands.push_back(element(B, V, Lane));
    if (isa<SelectInst>(I))
      return B.CreateSelect(Operands[0], Operands[1], Operands[2]);
    if (auto *C = dyn_cast<CastInst>(&I))
      return B.CreateCast(C->getOpcode(), Operands[0], C->getType()->getScalarType());
    if (auto *Gep = dyn_cast<GetElementPtrInst>(&I))
      return B.CreateGEP(Gep->getSourceElementType(), Operands[0], ArrayRef(Operands).drop_front(), "", Gep->getNoWrapFlags());
    return B.CreateFreeze(Operands[0]);
  }

  void splitStore(IRBuilder<> &B, StoreInst &S) {
    for (unsigned Lane = 0; Lane != lanes(S.getValueOperand()); ++Lane)
      B.CreateAlignedStore(element(B, S.getValueOperand(), Lane), at(B, S.getPointerOperand(), Lane),
                           commonAlignment(S.getAlign(), Lane * WordSize), S.isVolatile());
  }

  Value *picked(IRBuilder<> &B, ExtractElementInst &E) {
    Value *Result = element(B, E.getVectorOperand(), 0);
    for (unsigned Lane = 1; Lane != lanes(E.getVectorOperand()); ++Lane)
      Result = B.CreateSelect(B.CreateICmpEQ(E.getIndexOperand(), ConstantInt::get(E.getIndexOperand()->getType(), Lane)),
                              element(B, E.getVectorOperand(), Lane), Result);
    return Result;
  }

  static Value *at(IRBuilder<> &B, Value *V, unsigned Lane) {
    return Lane ? B.CreateConstInBoundsGEP1_64(B.getInt8Ty(), V, Lane * WordSize) : V;
  }

  static constexpr uint64_t WordSize = 8;

  Function &F;
  SmallVector<Instruction *> Found, Done;
  DenseMap<Value *, Elements> Parts;
};

} // namespace

bool stillpoint::splitReferenceVectors(Function &F) { return VectorSplit(F).run(); }
