// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which instruction of the checked copy each instruction of an unchecked one stands for (UncheckedCopies.h).
//
// Mechanism: the copies of a block are compared instruction by instruction, behind all passes. They differ by the checks, and by jumps that only one layout
// needs.
//
// Invariant: unless everything of a function matches, nothing is paired, and no point of its unchecked copies allows a stop.
#ifndef STILLPOINT_PASSES_MACHINE_COPYPAIRS_H
#define STILLPOINT_PASSES_MACHINE_COPYPAIRS_H

#include "passes/emit/States.h"
#include "passes/machine/Code.h"
#include "passes/machine/UncheckedCopies.h"

#include "llvm/ADT/DenseMap.h"

namespace stillpoint {

class CopyPairs {
public:
  CopyPairs(const Code &C, const UncheckedCopies &Copies);
  /// Gives every instruction of an unchecked copy the state of its counterpart. No stop where the flag has been tested and neither copy is entered.
  void spreadStates(std::vector<emit::PointState> &States, std::vector<const char *> &Rules) const;

  static constexpr unsigned None = ~0u;
  /// The instruction's counterpart, or None for one that belongs to no unchecked copy.
  unsigned counterpart(unsigned Index) const { return Counterparts.empty() ? None : Counterparts[Index]; }
  /// Whether the instruction is the first behind a test: padding in front of it belongs to the test.
  bool followsTest(unsigned Index) const;
  /// Whether what stands behind the instruction may have another distance in its counterpart.
  bool isJump(unsigned Index) const;

private:
  bool matchBlock(const CopiedBlock &B);
  bool correspond(const llvm::MachineBasicBlock *Unchecked, const llvm::MachineBasicBlock *Checked) const;
  bool areTheSame(const llvm::MachineInstr &Unchecked, const llvm::MachineInstr &Checked) const;
  unsigned whereItJumps(const llvm::MachineInstr &Jump) const;

  const Code &C;
  const UncheckedCopies &Copies;
  llvm::DenseMap<const llvm::MachineBasicBlock *, const llvm::MachineBasicBlock *> Checked; // by the unchecked block
  std::vector<unsigned> Counterparts;
};

} // namespace stillpoint

#endif
