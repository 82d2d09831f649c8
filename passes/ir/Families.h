// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which references the objects behind raw pointers hang on.
//
// A base is a reference in its own right: every value in address space 1 but address arithmetic that only addresses memory. Its family is what
// reaches its object, or memory that may die with it: casts, address arithmetic, integers that become pointers again, selects and PHIs over
// members, raw pointers loaded through members, results of calls that got a member, and what is loaded from stack objects where one of these
// was put. The analysis turns that around: each value has its sources.
//
// A source is
//  - a base;
//  - a stack object, if the value may point to it;
//  - a choice: a PHI, or a value that comes out of a stack object, whose bases are not values that dominate it. Whoever wants to keep these needs a
//    value made for it (a PHI over bases, a word of memory); ObjectShadows and BasePhis make them.
//
// Invariant: every source but a stack object dominates the values that have it, and there is no definition of it between the value's and any use.
#ifndef STILLPOINT_PASSES_IR_FAMILIES_H
#define STILLPOINT_PASSES_IR_FAMILIES_H

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/SmallPtrSet.h"
#include "llvm/IR/Instructions.h"

namespace llvm {
class CallBase;
class DominatorTree;
class Function;
} // namespace llvm

namespace stillpoint {

/// Address arithmetic on a reference, nothing but an address for loads, stores and comparisons: no value of its own to the collector.
bool isOnlyAddress(const llvm::Value &V);

bool isBase(const llvm::Value &V);

/// Whether the call becomes one: intrinsics do not, but for those that copy and set memory, and assembly does not.
bool isRealCall(const llvm::CallBase &Call);

class Families {
public:
  using Sources = llvm::SmallSetVector<llvm::Value *, 2>;

  Families(llvm::Function &F, const llvm::DominatorTree &DT);

  /// Of a base: itself.
  Sources sourcesOf(llvm::Value *V) const;

  /// What a store, a call or a copy of memory puts into stack objects: bases and choices (not references, whose places are roots).
  struct Effect {
    Sources Objects;
    Sources Put;
  };
  Effect effectOf(llvm::Instruction &I) const;

  /// Whether members were ever put there.
  bool holdsMembers(const llvm::AllocaInst *Object) const;

  /// The stack objects that V may point to, and those that they may point to.
  Sources reachableObjects(llvm::Value *V) const;

  /// The stack objects that a choice (other than a PHI) takes its value out of.
  Sources objectsReadBy(llvm::Instruction &Choice) const;

  llvm::ArrayRef<llvm::Instruction *> choices() const { return Choices.getArrayRef(); }

  /// Of a PHI that is a choice: the incoming sources that are not available at the PHI itself.
  Sources sourcesOnEdge(llvm::PHINode &Phi, unsigned Incoming) const;

private:
  bool isTracked(const llvm::Value &V) const;
  bool isAvailable(llvm::Value *Source, const llvm::PHINode &Phi) const;
  bool copiesPointer(const llvm::StoreInst &Store) const;
  void findIntegers();
  void propagate();
  bool chooseAtPhis();
  Sources derive(llvm::Instruction &I) const;
  void deriveLoad(llvm::Instruction &I, llvm::Value *Address, Sources &Result) const;
  void deriveCall(llvm::CallBase &Call, Sources &Result) const;
  void derivePhi(llvm::PHINode &Phi, Sources &Result) const;
  Sources closure(Sources Objects) const;
  bool anyHoldsMembers(const Sources &Objects, llvm::Value *Except = nullptr) const;
  void addCallEffect(llvm::CallBase &Call, Effect &Result) const;

  llvm::Function &F;
  const llvm::DominatorTree &DT;
  llvm::SmallPtrSet<const llvm::Value *, 8> Integers; // those that become pointers
  llvm::SmallPtrSet<const llvm::PHINode *, 8> ChosenPhis;
  llvm::DenseMap<const llvm::Value *, Sources> Map;
  llvm::DenseMap<const llvm::AllocaInst *, Sources> Contents;
  llvm::SmallSetVector<llvm::Instruction *, 8> Choices;
};

} // namespace stillpoint

#endif
