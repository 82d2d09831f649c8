// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How blocks end, behind register allocation: plain jumps, and the check of a write barrier (passes/ir/WriteBarrier.cpp).
//
//     cmpb $0, marking(%rip)
//     jne  slow               (or: je fast, and slow follows or is jumped to)
//
// Invariant: what is not recognised is not taken for a check; it stays ordinary code.
#ifndef STILLPOINT_PASSES_MACHINE_BARRIERCHECKS_H
#define STILLPOINT_PASSES_MACHINE_BARRIERCHECKS_H

#include "passes/machine/X86Model.h"

#include "llvm/CodeGen/MachineBasicBlock.h"

namespace stillpoint {

/// Whether the instruction compares this module's marking flag with 0, by an address that needs no general register.
bool isMarkingCompare(const llvm::MachineInstr &MI, const X86Model &Model);

/// The block that follows in the layout, if control may go on there; else null.
llvm::MachineBasicBlock *fallThrough(llvm::MachineBasicBlock &B);

/// Whether all of the block's terminators are jumps to blocks: some JCC, then at most one JMP, with all successors among their targets and the block
/// that follows.
bool endsInPlainJumps(llvm::MachineBasicBlock &B, const X86Model &Model);

/// The check at a block's end.
struct BarrierCheck {
  llvm::MachineInstr *Compare = nullptr;
  llvm::MachineInstr *Branch = nullptr;
  llvm::MachineBasicBlock *Slow = nullptr;
  llvm::MachineBasicBlock *Fast = nullptr;
  explicit operator bool() const { return Compare; }
};

/// Whether the block (of plain jumps) ends in one: the flags that its only JCC reads are those of a marking compare and nobody else's.
BarrierCheck findBarrierCheck(llvm::MachineBasicBlock &B, const X86Model &Model);

} // namespace stillpoint

#endif
