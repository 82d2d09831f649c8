// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Problem: a write barrier's check behind every store of a reference costs a loop that does little else (sorting) a tenth of its time, even though
// it nearly always finds that nobody marks.
//
// Mechanism: marking begins only while the world is stopped, when every task stands at a known instruction. So code without calls is compiled twice:
// an unchecked copy in the place of the code, without checks, and the code itself, the checked copy, at the function's end. Where the code is
// entered the flag is tested once. When marking begins the runtime moves every task that was stopped in an unchecked copy to the same instruction of
// the checked one. Registers are allocated already, so nothing but the PC changes.
//
// Invariants:
//  - An unchecked copy runs only while nobody marks. It is entered behind a test that found the flag clear; no point from there to its first
//    instruction allows a stop; and it holds no call, so that no return address leads into it.
//  - Its run is a run of the checked copy in which every check finds the flag clear: block by block the same instructions but the checks.
//  - Every point of an unchecked copy that allows a stop has its counterpart in the tables, with the same state.
//
// Rejected: patching the checks in and out (writes to code, and a page of it per module and process); one copy of the function with checks and one
// without (a check per call instead, and return addresses to change in all frames); a check per iteration.
#ifndef STILLPOINT_PASSES_MACHINE_UNCHECKEDCOPIES_H
#define STILLPOINT_PASSES_MACHINE_UNCHECKEDCOPIES_H

#include <vector>

namespace llvm {
class MachineBasicBlock;
} // namespace llvm

namespace stillpoint {

struct CopiedBlock {
  llvm::MachineBasicBlock *Unchecked;
  llvm::MachineBasicBlock *Checked;
};

/// What the pass that copies tells the pass that describes; about one function.
struct UncheckedCopies {
  std::vector<CopiedBlock> Blocks;
  std::vector<llvm::MachineBasicBlock *> Tests; // the blocks that test the flag and enter an unchecked copy
};

} // namespace stillpoint

#endif
