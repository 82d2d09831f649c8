// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Problem: compiled code reaches an object through raw pointers that say nothing to the collector, and the passes behind this one make more of them, some outside of
// the object on purpose (loop strength reduction). Where the last use of the reference itself is past, nothing would hold the object.
//
// Mechanism: for every base (Families.h), from its definition to the last use of its family, some real use must be still to come; where there is none,
// a KeepMarker (passes/Markers.h) is put. What needs a base:
//  - a call that gets a member needs it until the call returns, since the callee sees a raw pointer;
//  - any other use of a member needs it up to there, unless the member follows the base: by casts and address arithmetic in bounds of the object, at a constant
//    offset or, outside of loops that the base is outside of, at a variable one. The machine pass lists the results of such arithmetic.
// Members that PHIs choose from several objects: an interior pointer that only ever points into objects becomes a reference itself; the
// others, and members in stack objects, get bases made for them (BaseValues.h).
//
// Invariants: at every point, for every object that the function may still reach through a value, a reference to it, or arithmetic on one in bounds of
// the object, is live.
//
// A keep behind a call also prevents a tail call that would drop the only reference to *this. musttail cannot be helped: VerifyReferences.cpp.
#include "passes/Markers.h"
#include "passes/ir/BaseValues.h"
#include "passes/ir/Families.h"
#include "passes/ir/KeepPlaces.h"
#include "passes/ir/LiveReferences.h"
#include "passes/ir/ReferenceTypes.h"

#include "llvm/Analysis/LoopInfo.h"
#include "llvm/IR/Dominators.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/IntrinsicInst.h"
#include "llvm/IR/Module.h"
#include "llvm/Transforms/Utils/BasicBlockUtils.h"
#include "llvm/Transforms/Utils/Local.h"

using namespace llvm;
using namespace stillpoint;

namespace {

// An index that has a constant added or taken away: code generation may do one of both first, and be out of bounds between.
bool isSplitIndex(const Value *Index) {
  while (auto *I = dyn_cast<Instruction>(Index)) {
    if (I->getOpcode() == Instruction::Add || I->getOpcode() == Instruction::Sub || I->getOpcode() == Instruction::Or)
      return isa<Constant>(I->getOperand(0)) || isa<Constant>(I->getOperand(1));
    if (!isa<CastInst>(I) && I->getOpcode() != Instruction::Shl && I->getOpcode() != Instruction::Mul)
      return false;
    Index = I->getOperand(0);
  }
  return false;
}

// Whether I happens where it stands: passes behind this one move neither it nor its address computation's last step before a call.
bool isPlaced(const Instruction &I) {
  if (auto *Call = dyn_cast<CallBase>(&I))
    return isRealCall(*Call) || Call->isInlineAsm();
  if (isa<LoadInst>(I))
    return !I.hasMetadata(LLVMContext::MD_invariant_load);
  return isa<StoreInst, AtomicRMWInst, AtomicCmpXchgInst, ReturnInst>(I);
}

class Keeping {
public:
  Keeping(Function &F, DominatorTree &DT, LoopInfo &LI, const BaseValues &Bases) : DT(DT), LI(LI), Bases(Bases), Order(F), F(F) {}
  bool run();

private:
  Value *followed(Value *Member, const Instruction &User) const;
  void visit(Instruction &I);
  void visitBase(Value &Base, Instruction &I, const Use &U);
  void visitMember(Value &Member, Instruction &I);
  KeepPlaces &placesOf(Value &Base);

  DominatorTree &DT;
  LoopInfo &LI;
  const BaseValues &Bases;
  Positions Order;
  Function &F;
  MapVector<Value *, std::unique_ptr<KeepPlaces>> Places;
};

KeepPlaces &Keeping::placesOf(Value &Base) {
  auto &Known = Places[&Base];
  if (!Known)
    Known = std::make_unique<KeepPlaces>(Base, Order);
  return *Known;
}

// The base that the member follows by what is listed as it is, as far as User is concerned.
Value *Keeping::followed(Value *Member, const Instruction &User) const {
  bool Variable = false;
  while (!isBase(*Member)) {
    if (auto *Address = dyn_cast<GetElementPtrInst>(Member)) {
      if (!Address->isInBounds() || (!Address->hasAllConstantIndices() && any_of(Address->indices(), isSplitIndex)))
        return nullptr;
      Variable |= !Address->hasAllConstantIndices();
      Member = Address->getPointerOperand();
    } else if (isa<AddrSpaceCastInst>(Member)) {
      Member = cast<Instruction>(Member)->getOperand(0);
    } else {
      return nullptr;
    }
  }
  auto *Definition = dyn_cast<Instruction>(Member);
  const BasicBlock *Block = Definition ? Definition->getParent() : &F.getEntryBlock();
  const Loop *Inner = LI.getLoopFor(User.getParent());
  return Variable && Inner && !Inner->contains(Block) ? nullptr : Member;
}

void Keeping::visitBase(Value &Base, Instruction &I, const Use &U) {
  if (auto *Phi = dyn_cast<PHINode>(&I))
    placesOf(Base).addUseAtEnd(*Phi->getIncomingBlock(U));
  else if (isPlaced(I))
    placesOf(Base).addUse(I);
}

void Keeping::visitMember(Value &Member, Instruction &I) {
  auto *Call = dyn_cast<CallBase>(&I);
  bool Called = Call && isRealCall(*Call) && !(isa<CallInst>(Call) && cast<CallInst>(Call)->isMustTailCall());
  Value *Followed = followed(&Member, I);
  for (Value *Base : Bases.of(&Member)) {
    if (Called)
      placesOf(*Base).addNeedBehind(*Call);
    else if (Base != Followed)
      placesOf(*Base).addNeed(I);
    if (Base == Followed && isPlaced(I))
      placesOf(*Base).addUse(I);
  }
}

void Keeping::visit(Instruction &I) {
  if (auto *Hint = dyn_cast<IntrinsicInst>(&I); Hint && (Hint->isAssumeLikeIntrinsic() || Hint->isLifetimeStartOrEnd()))
    return;
  if (Bases.isOwn(I))
    return;
  for (const Use &U : I.operands()) {
    if (isBase(*U))
      visitBase(*U, I, U);
    else if (!isa<PHINode>(I) && !isa<Constant>(U))
      visitMember(*U, I);
  }
}

bool Keeping::run() {
  for (BasicBlock &Block : F)
    if (DT.isReachableFromEntry(&Block))
      for (Instruction &I : Block)
        visit(I);
  bool Changed = false;
  for (auto &[Base, Needed] : Places)
    if (Needed->hasNeeds()) {
      Needed->place(DT, LI);
      Changed = true;
    }
  return Changed;
}

// Keeps for an invoke go to the head of its normal successor, and its result begins to live there: it must be nobody else's, and have no PHIs, which would
// use the result before that.
bool splitInvokes(Function &F, DominatorTree &DT, LoopInfo &LI) {
  bool Changed = false;
  SmallVector<InvokeInst *> Shared;
  for (BasicBlock &Block : F)
    if (auto *Invoke = dyn_cast<InvokeInst>(Block.getTerminator())) {
      if (!Invoke->getNormalDest()->getSinglePredecessor())
        Shared.push_back(Invoke);
      else
        Changed |= FoldSingleEntryPHINodes(Invoke->getNormalDest());
    }
  for (InvokeInst *Invoke : Shared)
    SplitEdge(Invoke->getParent(), Invoke->getNormalDest(), &DT, &LI);
  return Changed || !Shared.empty();
}

} // namespace

bool stillpoint::keepBases(Function &F) {
  DominatorTree DT(F);
  LoopInfo LI(DT);
  bool Changed = splitInvokes(F, DT, LI);
  Changed |= makeInteriorPhis(F, DT);
  Families Family(F, DT);
  BaseValues Bases(F, Family);
  Bases.make();
  Changed |= Keeping(F, DT, LI, Bases).run();
  return Changed | Bases.dropUnused();
}
