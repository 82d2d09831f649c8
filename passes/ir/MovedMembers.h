// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which stack objects may hold members whose bases are in no word any more, and what holds these members instead.
#ifndef STILLPOINT_PASSES_IR_MOVEDMEMBERS_H
#define STILLPOINT_PASSES_IR_MOVEDMEMBERS_H

#include "passes/ir/Families.h"

namespace stillpoint {

/// The order in which instructions may be executed, from the control flow graph's strongly connected components.
class FlowOrder {
public:
  explicit FlowOrder(llvm::Function &F);

  /// Whether B may be executed behind A. Says so too often between branches that exclude each other.
  bool mayFollow(const llvm::Instruction &A, const llvm::Instruction &B) const;
  /// Whether both are executed by turns.
  bool inOneCycle(const llvm::Instruction &A, const llvm::Instruction &B) const;

private:
  struct Component {
    unsigned Number; // smaller than those of all components from which it is reached
    bool Cycle;
  };
  llvm::DenseMap<const llvm::BasicBlock *, Component> Components;
};

/// Knows stack objects as settled (whatever member is in them, a word of BaseValues has its base) or displaced. `spread` until nothing changes.
class MovedMembers {
public:
  MovedMembers(llvm::Function &F, const Families &Family);

  /// Whether the site puts other bases into its own words each time.
  bool putsOthersAgain(const llvm::Instruction &Site, const Families::Sources &Put) const;

  /// All of these return whether an object was added.
  bool displace(const llvm::Instruction &Site, const Families::Sources &Objects);
  bool displace(llvm::AllocaInst &Object) { return Displaced.insert(&Object); }
  /// `Overwrites` are the instructions that write a shadow's words, with the shadow's object.
  using Overwrite = std::pair<const llvm::Instruction *, llvm::AllocaInst *>;
  bool spread(llvm::ArrayRef<Overwrite> Overwrites);

  bool isDisplaced(llvm::Value *Object) const { return Displaced.contains(Object); }
  bool any() const { return !Displaced.empty(); }

  /// Makes roots of the displaced objects' own words, and of what is in them before each call that may move it about.
  void hold(llvm::Function &F) const;

private:
  struct Mover {
    llvm::Instruction *I;
    Families::Sources From, To;
  };
  void holdOver(llvm::CallBase &Call, llvm::AllocaInst &Object, llvm::AllocaInst &Copy) const;

  FlowOrder Order;
  llvm::SmallVector<Mover> Movers;
  llvm::SmallSetVector<llvm::Value *, 4> Displaced;
};

/// At the head of code generation, behind `hold`: copies of the objects that became roots there go by words.
bool splitCopiesOfMembers(llvm::Function &F);

} // namespace stillpoint

#endif
