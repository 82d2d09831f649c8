// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// References for the sources of Families.h: a base is one; choices get some made for them.
#ifndef STILLPOINT_PASSES_IR_BASEVALUES_H
#define STILLPOINT_PASSES_IR_BASEVALUES_H

#include "passes/ir/Families.h"
#include "passes/ir/MovedMembers.h"

#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/ValueHandle.h"

namespace stillpoint {

/// Makes references of raw PHIs that choose from several objects and only ever point into one, so that they need no base. At most once for each PHI.
bool makeInteriorPhis(llvm::Function &F, const llvm::DominatorTree &DT);

class BaseValues {
public:
  BaseValues(llvm::Function &F, const Families &Family);

  /// Makes what the choices need.
  void make();

  /// The references that hold what V reaches; all of them dominate V.
  llvm::SmallVector<llvm::Value *, 2> of(llvm::Value *V) const;

  /// Whether `make` put the instruction there to look at a member: it needs no base itself.
  bool isOwn(const llvm::Instruction &I) const { return Looking.contains(&I); }

  /// Takes out again what nothing came to use. Whether anything of what `make` put into the function is left.
  bool dropUnused();

private:
  // Words of a stack object's shadow: from a constant offset, from one known at run time, or all of them.
  struct Words {
    llvm::AllocaInst *Object;
    llvm::Value *Address; // with an offset known at run time only
    uint64_t First, Count;
  };
  // What an effect puts where: into the shadow's words that it writes itself, or into words of its own.
  struct Site {
    std::optional<Words> Exact, CopyOf;
    Families::Sources Objects, Put;
    unsigned OwnWords = 0, FirstOwn = 0;
  };

  void planSites();
  void planReads();
  void count();
  bool countSites();
  bool countChoices();
  bool displaceObjects();
  bool readsDisplaced(llvm::Instruction &Choice) const;
  void collapse(llvm::Instruction &Choice);
  bool readsWordsOf(llvm::Instruction &Choice, const Site &S) const;
  bool standsForItself(llvm::Instruction &Choice, llvm::Instruction &User, const Site &S) const;
  unsigned wordsRead(llvm::Instruction &Choice) const;
  unsigned countOf(llvm::Value *Source) const;
  unsigned countFor(llvm::Value *Source, llvm::Instruction &User, const Site &S) const;
  unsigned countOnEdges(llvm::PHINode &Phi) const;
  uint64_t wordsIn(const llvm::AllocaInst &Object) const;
  std::optional<Words> exactWords(llvm::Value *Address, uint64_t Size) const;
  void makeShadows();
  void makeSelves();
  void makeSelf(llvm::Instruction &Choice);
  void castLeaves(llvm::IRBuilder<> &B, llvm::Value *V, llvm::SmallVectorImpl<llvm::Value *> &Cast);
  void makePhis();
  void fillPhis();
  void writeSite(llvm::Instruction &I, Site &S);
  void read(llvm::Instruction &Choice);
  void readOwnWords(llvm::Instruction &Choice);
  llvm::Value *shadowAddress(llvm::IRBuilder<> &B, const Words &W, uint64_t Index) const;
  llvm::Value *loadWord(llvm::IRBuilder<> &B, const Words &W, uint64_t Index) const;
  llvm::Value *ownWord(llvm::IRBuilder<> &B, const Site &S, uint64_t Index) const;
  llvm::AllocaInst *makeWords(uint64_t Count, const llvm::Twine &Name);
  void appendValues(llvm::Value *Source, llvm::SmallVectorImpl<llvm::Value *> &Values) const;
  void appendFor(llvm::Value *Source, llvm::Instruction &User, const Site &S, llvm::SmallVectorImpl<llvm::Value *> &Values) const;
  void appendSelf(llvm::Value *Source, llvm::SmallVectorImpl<llvm::Value *> &Values) const;

  llvm::Function &F;
  const Families &Family;
  MovedMembers Moved;
  const llvm::DataLayout &DL;
  llvm::PointerType *Reference;
  llvm::MapVector<llvm::Instruction *, Site> Sites;
  llvm::MapVector<llvm::Instruction *, llvm::SmallVector<Words, 2>> Reads;
  llvm::DenseMap<const llvm::Value *, unsigned> Slots;                             // of chosen PHIs
  llvm::SmallPtrSet<const llvm::Value *, 8> Collapsed;                             // choices that stand for themselves
  llvm::DenseMap<const llvm::Value *, llvm::SmallVector<llvm::Value *, 1>> Selves; // choices as references
  llvm::SmallPtrSet<const llvm::Instruction *, 8> Looking;
  llvm::DenseMap<const llvm::AllocaInst *, llvm::AllocaInst *> Shadows;
  llvm::AllocaInst *OwnWords = nullptr;                                            // of all sites
  llvm::DenseMap<const llvm::Value *, llvm::SmallVector<llvm::Value *, 2>> Values; // of choices
  llvm::SmallVector<llvm::WeakTrackingVH> Made;                                    // PHIs and loads
  bool Changed = false;
};

} // namespace stillpoint

#endif
