// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What passes/machine and passes/emit offer to whoever builds a code generation pipeline (the Clang plugin, llc, a linker).
#ifndef STILLPOINT_PASSES_PASSES_H
#define STILLPOINT_PASSES_PASSES_H

#include <string>

namespace llvm {
class MachineFunctionPass;
class TargetMachine;
class TargetPassConfig;
class Triple;
namespace legacy {
class PassManagerBase;
}
} // namespace llvm

namespace stillpoint {

struct PassOptions {
  /// Write the set of all live registers at every point; otherwise only whether any vector register is live. A function's own attribute
  /// (Markers.h) asks for it too.
  bool FullLiveness = false;
  /// Print every point of the function of this (mangled) name to standard error; "*": of all functions. Empty: of none.
  std::string DumpFunction;
  /// Make copies of loops without the checks of write barriers (passes/machine/UncheckedCopies.h).
  bool UncheckedCopies = true;
};

/// Whether tables can be written for this target: 64-bit x86 with 64-bit pointers, ELF.
bool isSupportedTarget(const llvm::Triple &T);

/// The machine pass that computes the state of every point and labels the changes. Runs behind the last pass that changes code; the tables
/// come out when the module's assembly is finished (passes/emit/TablePrinter.cpp).
llvm::MachineFunctionPass *createPointStatesPass(const PassOptions &Options);

/// Before register allocation: gives realigned frames with references a base that stays where it is.
llvm::MachineFunctionPass *createFixedBasePass();

/// Behind the last pass that looks for better code: makes copies without the checks of write barriers.
llvm::MachineFunctionPass *createUncheckedCopiesPass();

/// Adds the machine passes. Does nothing for a target without support. To be called from
/// llvm::RegisterTargetPassConfigCallback's callback; IR passes are the caller's.
void addStillpointPasses(llvm::TargetMachine &TM, llvm::legacy::PassManagerBase &PM, llvm::TargetPassConfig *Config,
                         const PassOptions &Options);

} // namespace stillpoint

#endif
