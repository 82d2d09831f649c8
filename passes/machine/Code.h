// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The instructions of a function that become code, in the order in which they are printed. Every analysis of passes/machine numbers points
// by this order: point N is the PC at which instruction N begins.
#ifndef STILLPOINT_PASSES_MACHINE_CODE_H
#define STILLPOINT_PASSES_MACHINE_CODE_H

#include "passes/machine/X86Model.h"

#include "llvm/CodeGen/MachineFunction.h"

#include <vector>

namespace stillpoint {

struct Instruction {
  llvm::MachineInstr *MI;
  OpClass Class;
};

/// One basic block's stretch of instructions. Blocks have the numbers of llvm::MachineBasicBlock::getNumber.
struct BlockRange {
  unsigned Begin = 0;
  unsigned End = 0;
};

struct Code {
  llvm::MachineFunction &MF;
  const X86Model &Model;
  const llvm::TargetRegisterInfo &TRI;
  std::vector<Instruction> Instructions;
  std::vector<BlockRange> Blocks; // by block number

  explicit Code(llvm::MachineFunction &MF);
  const BlockRange &range(const llvm::MachineBasicBlock &B) const { return Blocks[B.getNumber()]; }
  unsigned size() const { return static_cast<unsigned>(Instructions.size()); }
};

} // namespace stillpoint

#endif
