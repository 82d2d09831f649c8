// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Where one base has to be kept: a backward liveness problem over the control flow graph.
#ifndef STILLPOINT_PASSES_IR_KEEPPLACES_H
#define STILLPOINT_PASSES_IR_KEEPPLACES_H

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/SmallPtrSet.h"
#include "llvm/IR/Instructions.h"

namespace llvm {
class DominatorTree;
class LoopInfo;
} // namespace llvm

namespace stillpoint {

/// The order of a function's instructions in their blocks, as they were before any keep.
class Positions {
public:
  explicit Positions(llvm::Function &F);
  unsigned of(const llvm::Instruction &I) const { return Numbers.lookup(&I); }

private:
  llvm::DenseMap<const llvm::Instruction *, unsigned> Numbers;
};

/// A base's uses and what its family needs. `add…` first, then `place`.
class KeepPlaces {
public:
  KeepPlaces(llvm::Value &Base, const Positions &Order) : Base(Base), Order(Order) {}

  /// The base itself is used by I, in a way that no pass behind this one moves to a place before it.
  void addUse(llvm::Instruction &I);
  /// The base flows out of the block by a PHI.
  void addUseAtEnd(llvm::BasicBlock &Block);
  /// The base has to be live up to I.
  void addNeed(llvm::Instruction &I);
  /// The base has to be live while I, a call, runs.
  void addNeedBehind(llvm::CallBase &I);

  bool hasNeeds() const { return Needs; }

  /// Puts keeps where the needs end and no use follows. Splits edges.
  void place(llvm::DominatorTree &DT, llvm::LoopInfo &LI);

private:
  struct Event {
    unsigned Position;
    bool Real;
    llvm::Instruction *Anchor; // the keep for it comes behind, or before if it is a terminator; none at the block's start
  };
  using Blocks = llvm::SmallPtrSet<llvm::BasicBlock *, 16>;

  void add(llvm::BasicBlock &Block, Event E) { Events[&Block].push_back(E); }
  llvm::BasicBlock *definingBlock() const;
  Blocks liveBlocks(bool RealOnly) const;
  static bool isLiveOut(const llvm::BasicBlock &Block, const Blocks &Live);
  void sort();
  void keepBehindLastNeeds();
  std::pair<llvm::BasicBlock *, Event *> firstOpenNeed();
  void keepOnExits(llvm::DominatorTree &DT, llvm::LoopInfo &LI);
  void keepOnEdge(llvm::BasicBlock &From, llvm::BasicBlock &To, const Blocks &Live, llvm::DominatorTree &DT, llvm::LoopInfo &LI);
  void insertKeep(llvm::BasicBlock::iterator Place);
  void remark(const llvm::BasicBlock &Block, const llvm::DebugLoc &Where) const;
  void keepFor(llvm::BasicBlock &Block, Event &Need);

  llvm::Value &Base;
  const Positions &Order;
  llvm::MapVector<llvm::BasicBlock *, llvm::SmallVector<Event, 4>> Events;
  bool Needs = false;
};

} // namespace stillpoint

#endif
