// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Problem: what lives across a suspension of a coroutine lives in its frame, which is memory from operator new: the collector does not look there.
//
// Mechanism: before coroutines are split, every reference that is live at a suspension, and every stack object with references that is used on both sides
// of one, is an error.
//
// Invariant: whatever the splitting puts into the frame is found: values by liveness, objects by any path from a use through a suspension to a use.
//
// Rejected: frames as roots (they have no layout that outlives the splitting, and are as often elided as not).
#include "passes/ir/ReferenceTypes.h"
#include "passes/ir/ReferencesInMemory.h"
#include "passes/ir/StackObjects.h"

#include "llvm/ADT/SmallPtrSet.h"
#include "llvm/IR/CFG.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/IntrinsicInst.h"

using namespace llvm;
using namespace stillpoint;

namespace {

bool isSuspension(const Instruction &I) {
  auto *Known = dyn_cast<IntrinsicInst>(&I);
  return Known &&
         is_contained({Intrinsic::coro_suspend, Intrinsic::coro_suspend_async, Intrinsic::coro_suspend_retcon}, Known->getIntrinsicID());
}

// The uses that a value's or an object's life ends with.
struct Place {
  const BasicBlock *Block;
  const Instruction *Before; // null: the block's end
};

class SuspensionSearch {
public:
  explicit SuspensionSearch(const Function &F) {
    for (const Instruction &I : instructions(F))
      if (isSuspension(I))
        WithSuspension.insert(I.getParent());
  }
  bool empty() const { return WithSuspension.empty(); }

  // Backwards from the uses to the definition: is a suspension on the way?
  bool isLiveAtSuspension(const Value &V) const {
    SmallVector<Place> Work;
    for (const Use &U : V.uses()) {
      auto *I = dyn_cast<Instruction>(U.getUser());
      if (auto *Phi = dyn_cast_or_null<PHINode>(I))
        Work.push_back({Phi->getIncomingBlock(U), nullptr});
      else if (I)
        Work.push_back({I->getParent(), I});
    }
    SmallPtrSet<const BasicBlock *, 16> Entered;
    while (!Work.empty()) {
      Place P = Work.pop_back_val();
      const Instruction *At = P.Before ? P.Before->getPrevNode() : P.Block->getTerminator();
      for (; At && At != &V; At = At->getPrevNode())
        if (isSuspension(*At))
          return true;
      if (!At)
        for (const BasicBlock *Before : predecessors(P.Block))
          if (Entered.insert(Before).second)
            Work.push_back({Before, nullptr});
    }
    return false;
  }

  // Forwards from each use: is there a suspension, and behind it another use (or this one again)?
  bool isUsedAcrossSuspension(const AllocaInst &A) const {
    SmallPtrSet<const Instruction *, 16> Uses;
    collectUses(A, Uses);
    SmallPtrSet<const Instruction *, 16> Suspensions;
    reach(Uses, [&](const Instruction &I) {
      if (isSuspension(I))
        Suspensions.insert(&I);
    });
    bool Found = false;
    reach(Suspensions, [&](const Instruction &I) { Found |= Uses.contains(&I); });
    return Found;
  }

private:
  using Instructions = SmallPtrSet<const Instruction *, 16>;

  static void collectUses(const Value &V, Instructions &Uses) {
    for (const User *U : V.users()) {
      auto *I = dyn_cast<Instruction>(U);
      if (!I || isa<LifetimeIntrinsic>(I) || !Uses.insert(I).second)
        continue;
      if (I->getType()->isPtrOrPtrVectorTy() && !isReference(I->getType()) && !isa<LoadInst>(I))
        collectUses(*I, Uses);
    }
  }

  // Visits what may run after one of them.
  static void reach(const Instructions &From, function_ref<void(const Instruction &)> Visit) {
    SmallPtrSet<const BasicBlock *, 16> Entered;
    SmallVector<const BasicBlock *> Work;
    for (const Instruction *I : From) {
      for (const Instruction *Next = I->getNextNode(); Next; Next = Next->getNextNode())
        Visit(*Next);
      append_range(Work, successors(I->getParent()));
    }
    while (!Work.empty()) {
      const BasicBlock *Block = Work.pop_back_val();
      if (!Entered.insert(Block).second)
        continue;
      for (const Instruction &I : *Block)
        Visit(I);
      append_range(Work, successors(Block));
    }
  }

  SmallPtrSet<const BasicBlock *, 8> WithSuspension;
};

} // namespace

bool stillpoint::checkCoroutine(Function &F) {
  if (!F.isPresplitCoroutine())
    return false;
  SuspensionSearch Search(F);
  if (Search.empty())
    return false;
  constexpr char Message[] =
      "a reference to the collected heap lives across a suspension of this coroutine, in its frame, where the collector does not look";
  for (const Argument &A : F.args())
    if (isReference(A.getType()) && Search.isLiveAtSuspension(A)) {
      reportReferenceError(F.getEntryBlock().front(), Message);
      return false;
    }
  StackObjects Objects(F);
  for (Instruction &I : instructions(F)) {
    auto *A = dyn_cast<AllocaInst>(&I);
    bool Crosses = A ? !Objects.objects().find(A)->second.empty() && Search.isUsedAcrossSuspension(*A)
                     : holdsReferences(I.getType()) && Search.isLiveAtSuspension(I);
    if (Crosses) {
      reportReferenceError(I, Message);
      return false;
    }
  }
  return false;
}
