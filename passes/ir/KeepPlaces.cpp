// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Problem: a base has to be in some location at every point where a member of its family is live, and at the price of as few keeps as possible: a keep is
// a scheduling barrier, so none is wanted in a hot block.
//
// Mechanism: the base's own uses are real; what its family needs is not (the instruction does not mention the base). Liveness over both says where the base must
// live; liveness over the real uses alone, where it does.
//  1. Behind a need with no liveness of either kind after it comes a keep, which is a real use from then on.
//  2. In a loop every need may have another one after it, and none of them real. Then keeps go where control leaves the needed region: at the heads of the loop's
//     exits, on edges that are split if need be.
//  3. A loop without an exit gets a keep in it.
//
// Invariant: from behind each need a real use is reached without the base being defined again, so it is live there for every pass to come.
//
// Rejected: llvm.fake.use in place of the assembly (docs/decisions/0014); keeps behind every need.
#include "passes/ir/KeepPlaces.h"
#include "passes/Markers.h"
#include "passes/Remarks.h"

#include "llvm/Analysis/LoopInfo.h"
#include "llvm/Analysis/OptimizationRemarkEmitter.h"
#include "llvm/IR/CFG.h"
#include "llvm/IR/DiagnosticInfo.h"
#include "llvm/IR/Dominators.h"
#include "llvm/IR/InlineAsm.h"
#include "llvm/Transforms/Utils/BasicBlockUtils.h"

using namespace llvm;
using namespace stillpoint;

namespace {

// Each instruction has four places: where it reads its operands, where it has run, in front of a terminator, and behind it.
constexpr unsigned Stride = 4;
constexpr unsigned AtStart = 0;

bool cannotSplit(const BasicBlock &From, const BasicBlock &To) {
  return To.isEHPad() || isa<IndirectBrInst, CallBrInst>(From.getTerminator());
}

} // namespace

Positions::Positions(Function &F) {
  for (BasicBlock &Block : F) {
    unsigned Next = AtStart + Stride;
    for (Instruction &I : Block)
      Numbers[&I] = std::exchange(Next, Next + Stride);
  }
}

void KeepPlaces::addUse(Instruction &I) { add(*I.getParent(), {Order.of(I), true, &I}); }

void KeepPlaces::addUseAtEnd(BasicBlock &Block) {
  Instruction *Last = Block.getTerminator();
  add(Block, {Order.of(*Last) + 2, true, Last});
}

void KeepPlaces::addNeed(Instruction &I) {
  Needs = true;
  add(*I.getParent(), {Order.of(I), false, &I});
}

void KeepPlaces::addNeedBehind(CallBase &Call) {
  Needs = true;
  if (auto *Invoke = dyn_cast<InvokeInst>(&Call)) {
    // Live on one of the edges is live during the call.
    BasicBlock *Normal = Invoke->getNormalDest();
    add(*Normal, {AtStart, false, nullptr});
    return;
  }
  add(*Call.getParent(), {Order.of(Call) + 1, false, &Call});
}

BasicBlock *KeepPlaces::definingBlock() const {
  if (auto *Invoke = dyn_cast<InvokeInst>(&Base))
    return Invoke->getNormalDest();
  if (auto *I = dyn_cast<Instruction>(&Base))
    return I->getParent();
  return &cast<Argument>(Base).getParent()->getEntryBlock();
}

// The blocks at whose start the base is live.
KeepPlaces::Blocks KeepPlaces::liveBlocks(bool RealOnly) const {
  Blocks Live;
  SmallVector<BasicBlock *> Worklist;
  BasicBlock *Definition = definingBlock();
  auto Enter = [&](BasicBlock *Block) {
    if (Block != Definition && Live.insert(Block).second)
      Worklist.push_back(Block);
  };
  for (auto &[Block, Here] : Events)
    if (any_of(Here, [&](const Event &E) { return E.Real || !RealOnly; }))
      Enter(Block);
  while (!Worklist.empty())
    for (BasicBlock *Pred : predecessors(Worklist.pop_back_val()))
      Enter(Pred);
  return Live;
}

bool KeepPlaces::isLiveOut(const BasicBlock &Block, const Blocks &Live) {
  return any_of(successors(&Block), [&](const BasicBlock *Next) { return Live.contains(Next); });
}

// At one place the real use counts as the later one: it is as good as a keep.
void KeepPlaces::sort() {
  for (auto &[Block, Here] : Events)
    llvm::sort(Here, [](const Event &A, const Event &B) { return std::pair(A.Position, A.Real) < std::pair(B.Position, B.Real); });
}

void KeepPlaces::remark(const BasicBlock &Block, const DebugLoc &Where) const {
  const Function &F = *Block.getParent();
  if (!wantsRemarks(F))
    return;
  OptimizationRemarkAnalysis Remark(RemarkPass, "KeptBase", Where, &Block);
  Remark << "a reference";
  if (Base.hasName())
    Remark << " (" << ore::NV("Base", Base.getName()) << ")";
  Remark << " is kept up to here: a raw pointer into its object is used after its own last use";
  F.getContext().diagnose(Remark);
}

void KeepPlaces::insertKeep(BasicBlock::iterator Place) {
  remark(*Place->getParent(),
         Place != Place->getParent()->begin() && std::prev(Place)->getDebugLoc() ? std::prev(Place)->getDebugLoc() : Place->getDebugLoc());
  auto *Type = FunctionType::get(Type::getVoidTy(Base.getContext()), {Base.getType()}, false);
  CallInst *Keep = CallInst::Create(Type, InlineAsm::get(Type, KeepMarker, "r", /*hasSideEffects=*/true), {&Base}, "", Place);
  Keep->setDoesNotThrow();
  // Not "none": it would be dead. What it touches, nothing else does.
  Keep->setOnlyAccessesInaccessibleMemory();
}

void KeepPlaces::keepFor(BasicBlock &Block, Event &Need) {
  Instruction *Anchor = Need.Anchor;
  if (!Anchor || isa<PHINode>(Anchor) || Anchor->isEHPad())
    insertKeep(Block.getFirstInsertionPt());
  else
    insertKeep(Anchor->isTerminator() ? Anchor->getIterator() : std::next(Anchor->getIterator()));
  Need.Real = true;
}

void KeepPlaces::keepBehindLastNeeds() {
  Blocks Live = liveBlocks(/*RealOnly=*/false);
  for (auto &[Block, Here] : Events)
    if (!Here.back().Real && !isLiveOut(*Block, Live))
      keepFor(*Block, Here.back());
}

// A need behind which no real use is reached.
std::pair<BasicBlock *, KeepPlaces::Event *> KeepPlaces::firstOpenNeed() {
  Blocks Live = liveBlocks(/*RealOnly=*/true);
  for (auto &[Block, Here] : Events)
    if (!Here.back().Real && !isLiveOut(*Block, Live))
      return {Block, &Here.back()};
  return {};
}

void KeepPlaces::keepOnEdge(BasicBlock &From, BasicBlock &To, const Blocks &Live, DominatorTree &DT, LoopInfo &LI) {
  if (cannotSplit(From, To)) {
    Instruction *Last = From.getTerminator();
    insertKeep(Last->getIterator());
    add(From, {Order.of(*Last) - 1, true, Last});
    return;
  }
  BasicBlock *Place = &To;
  if (any_of(predecessors(&To), [&](BasicBlock *Pred) { return !isLiveOut(*Pred, Live); }))
    Place = SplitEdge(&From, &To, &DT, &LI);
  insertKeep(Place->getFirstInsertionPt());
  add(*Place, {AtStart, true, nullptr});
}

void KeepPlaces::keepOnExits(DominatorTree &DT, LoopInfo &LI) {
  Blocks Live = liveBlocks(/*RealOnly=*/false), RealLive = liveBlocks(/*RealOnly=*/true);
  Blocks Region = Live;
  Region.insert(definingBlock());
  SmallVector<std::pair<BasicBlock *, BasicBlock *>> Exits;
  for (BasicBlock &Block : *definingBlock()->getParent())
    if (Region.contains(&Block) && isLiveOut(Block, Live) && !isLiveOut(Block, RealLive))
      for (BasicBlock *Next : successors(&Block))
        if (!Live.contains(Next) && !is_contained(Exits, std::pair(&Block, Next)))
          Exits.emplace_back(&Block, Next);
  Blocks Done;
  for (auto [From, To] : Exits)
    if (!Done.contains(To)) {
      keepOnEdge(*From, *To, Live, DT, LI);
      if (Events.contains(To))
        Done.insert(To);
    }
  sort();
}

void KeepPlaces::place(DominatorTree &DT, LoopInfo &LI) {
  sort();
  keepBehindLastNeeds();
  if (firstOpenNeed().second)
    keepOnExits(DT, LI);
  for (auto Open = firstOpenNeed(); Open.second; Open = firstOpenNeed())
    keepFor(*Open.first, *Open.second);
}
