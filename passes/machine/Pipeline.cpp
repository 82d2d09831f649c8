// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Where the machine passes stand. The one that describes: behind the last pass that changes code. On x86 that is the one that takes instruction bundles
// apart; only the printer follows. The one that wants a base for frames: behind the last one before register allocation that makes pushes.
// The one that copies: behind the last that looks for better code or knows debug information by blocks, and before those that finish frames' descriptions.
#include "passes/Passes.h"

#include "llvm/CodeGen/MachineFunctionPass.h"
#include "llvm/CodeGen/Passes.h"
#include "llvm/CodeGen/TargetPassConfig.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/TargetParser/Triple.h"

using namespace llvm;

namespace stillpoint {

bool isSupportedTarget(const Triple &T) { return T.getArch() == Triple::x86_64 && !T.isX32() && T.isOSBinFormatELF(); }

void addStillpointPasses(TargetMachine &TM, legacy::PassManagerBase &, TargetPassConfig *Config, const PassOptions &Options) {
  if (!Config || !isSupportedTarget(TM.getTargetTriple()))
    return;
  Config->insertPass(&PHIEliminationID, createFixedBasePass());
  if (Options.UncheckedCopies)
    Config->insertPass(&LiveDebugValuesID, createUncheckedCopiesPass());
  Config->insertPass(&UnpackMachineBundlesID, createPointStatesPass(Options));
}

} // namespace stillpoint
