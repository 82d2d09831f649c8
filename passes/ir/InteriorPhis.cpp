// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Problem: a raw PHI over members of several objects needs a PHI over their bases beside it, which costs a register and a copy in what may be a hot loop: a walk
// with a raw pointer, a pointer to the link that is to be changed.
//
// Mechanism: where every incoming value points into an object (address arithmetic in bounds, of references or of other such PHIs) or is null, the PHI
// becomes one over references, and a cast behind it gives the raw pointer. The collector finds the object of an interior pointer, so it
// needs no base. The set of such PHIs is found optimistically: all, less those with an incoming value that is neither, until nothing changes.
//
// Invariant: only PHIs that would need bases are touched; the others, induction variables above all, stay what the loop optimiser expects.
#include "passes/Markers.h"
#include "passes/ir/BaseValues.h"

#include "llvm/IR/Dominators.h"

using namespace llvm;
using namespace stillpoint;

namespace {

using Phis = SmallSetVector<PHINode *, 8>;

bool isInterior(const Value *V, const Phis &Assumed) {
  while (true) {
    if (isa<ConstantPointerNull>(V) || isBase(*V))
      return true;
    if (auto *Phi = dyn_cast<PHINode>(V))
      return Assumed.contains(const_cast<PHINode *>(Phi));
    if (auto *Select = dyn_cast<SelectInst>(V))
      return isInterior(Select->getTrueValue(), Assumed) && isInterior(Select->getFalseValue(), Assumed);
    auto *Address = dyn_cast<GetElementPtrInst>(V);
    if (!isa<AddrSpaceCastInst>(V) && !(Address && Address->isInBounds()))
      return false;
    V = cast<Instruction>(V)->getOperand(0);
  }
}

// The reference that V, at the end of `Block`, is, or becomes by a cast.
Value *asReference(Value *V, PointerType *Reference, BasicBlock *Block) {
  if (isa<ConstantPointerNull>(V))
    return ConstantPointerNull::get(Reference);
  if (auto *Cast = dyn_cast<AddrSpaceCastInst>(V); Cast && Cast->getSrcTy() == Reference)
    return Cast->getOperand(0);
  return new AddrSpaceCastInst(V, Reference, "", Block->getTerminator()->getIterator());
}

void makeReferences(const Phis &Chosen, PointerType *Reference) {
  SmallVector<std::pair<PHINode *, PHINode *>> Made;
  for (PHINode *Phi : Chosen) {
    auto *New = PHINode::Create(Reference, Phi->getNumIncomingValues(), Phi->getName() + ".ref", Phi->getIterator());
    auto *Raw = new AddrSpaceCastInst(New, Phi->getType(), "", Phi->getParent()->getFirstInsertionPt());
    Raw->takeName(Phi);
    Phi->replaceAllUsesWith(Raw);
    Made.emplace_back(Phi, New);
  }
  for (auto [Phi, New] : Made) {
    SmallDenseMap<BasicBlock *, Value *> Known; // a PHI has the same value for all edges from one block
    for (unsigned I = 0; I != Phi->getNumIncomingValues(); ++I) {
      Value *&Incoming = Known[Phi->getIncomingBlock(I)];
      if (!Incoming)
        Incoming = asReference(Phi->getIncomingValue(I), Reference, Phi->getIncomingBlock(I));
      New->addIncoming(Incoming, Phi->getIncomingBlock(I));
    }
  }
  for (auto [Phi, New] : Made)
    Phi->eraseFromParent();
}

} // namespace

bool stillpoint::makeInteriorPhis(Function &F, const DominatorTree &DT) {
  Phis Chosen;
  const Families Members(F, DT); // outlives what choices() refers to
  for (Instruction *Choice : Members.choices())
    if (auto *Phi = dyn_cast<PHINode>(Choice); Phi && Phi->getType()->isPointerTy())
      if (BasicBlock *Block = Phi->getParent(); Block->getFirstInsertionPt() != Block->end())
        Chosen.insert(Phi);
  while (Chosen.remove_if([&](PHINode *Phi) { return any_of(Phi->incoming_values(), [&](Value *V) { return !isInterior(V, Chosen); }); }))
    ;
  if (Chosen.empty())
    return false;
  makeReferences(Chosen, PointerType::get(F.getContext(), ReferenceAddressSpace));
  return true;
}
