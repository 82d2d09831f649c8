// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The instructions of a function that become code, in the order in which they are printed. Every analysis of passes/machine numbers points
// by this order: point N is the PC at which instruction N begins.
//
// A block may have a landing pad and many calls: the one that leads there stands between the labels of its invoke. What holds at the others says
// nothing about the pad.
//
// The markers of references (Markers.h) are among them, so that every analysis sees what they say; they become no code, and `removeMarkers` takes
// them out before labels are placed.
#ifndef STILLPOINT_PASSES_MACHINE_CODE_H
#define STILLPOINT_PASSES_MACHINE_CODE_H

#include "passes/machine/X86Model.h"

#include "llvm/CodeGen/MachineFunction.h"

#include <vector>

namespace stillpoint {

struct Instruction {
  llvm::MachineInstr *MI;
  OpClass Class;
  /// A call, or assembly, that may be left for the landing pads of its block.
  bool LeadsToPads = false;
};

inline bool isMarker(OpClass Class) { return Class >= OpClass::RefMarker; }

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
  /// Whether there is any marker of references.
  bool hasMarkers() const { return Markers != 0; }
  /// Deletes the markers. `Keep` gets, for each instruction that stays, its number before.
  void removeMarkers(std::vector<unsigned> &Keep);

private:
  unsigned Markers = 0;
};

} // namespace stillpoint

#endif
