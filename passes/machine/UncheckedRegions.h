// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which stretches of a function are worth a second copy without the checks of write barriers (UncheckedCopies.h).
//
// A region is a set of blocks without calls, entered by one of them only (but for slow halves of barriers, which come back anywhere). It pays where
// checks run more often than the region is entered: a loop, above all.
//
// Invariants: no block of a region holds a call, sets up a frame, is a landing pad, has its address taken, or ends in anything but plain jumps.
// Choosing too little costs time, choosing too much costs size: no choice is wrong.
#ifndef STILLPOINT_PASSES_MACHINE_UNCHECKEDREGIONS_H
#define STILLPOINT_PASSES_MACHINE_UNCHECKEDREGIONS_H

#include "passes/machine/BarrierChecks.h"

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/SetVector.h"

#include <vector>

namespace llvm {
class MachineBlockFrequencyInfo;
} // namespace llvm

namespace stillpoint {

struct UncheckedRegion {
  llvm::MachineBasicBlock *Entry;
  std::vector<llvm::MachineBasicBlock *> Blocks; // in the order of the layout
};

class UncheckedRegions {
public:
  UncheckedRegions(llvm::MachineFunction &MF, const X86Model &Model);
  /// Whether there is any check that could be left out.
  bool any() const { return !Checks.empty(); }
  std::vector<UncheckedRegion> choose(const llvm::MachineBlockFrequencyInfo &Frequencies);
  /// Whether the block runs while the collector marks only.
  bool isSlow(const llvm::MachineBasicBlock &B) const { return Slow.contains(&B); }
  /// Whether the block's edges can be changed. Of blocks that are newer than this object it is taken for granted.
  bool isPlain(const llvm::MachineBasicBlock &B) const { return !Odd.contains(&B); }
  /// The block's check, as it was when this object was made; false if it has none.
  BarrierCheck check(const llvm::MachineBasicBlock &B) const { return Checks.lookup(&B); }

private:
  using BlockSet = llvm::SmallSetVector<llvm::MachineBasicBlock *, 16>;
  void findChecks();
  void findSlow();
  bool canBeCopied(llvm::MachineBasicBlock &B) const;
  llvm::SmallVector<llvm::MachineBasicBlock *, 4> fastSuccessors(llvm::MachineBasicBlock &B) const;
  BlockSet reachable(llvm::MachineBasicBlock &Entry, const BlockSet *Within) const;
  BlockSet grow(llvm::MachineBasicBlock &Entry) const;
  bool pays(const BlockSet &Region, llvm::MachineBasicBlock &Entry, const llvm::MachineBlockFrequencyInfo &Frequencies) const;

  llvm::MachineFunction &MF;
  const X86Model &Model;
  llvm::DenseMap<const llvm::MachineBasicBlock *, BarrierCheck> Checks;
  llvm::DenseSet<const llvm::MachineBasicBlock *> Slow; // not reachable without a check that finds the flag set
  llvm::DenseSet<const llvm::MachineBasicBlock *> Odd;  // not ending in plain jumps
  llvm::DenseSet<const llvm::MachineBasicBlock *> Copyable;
};

} // namespace stillpoint

#endif
