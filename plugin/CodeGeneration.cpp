// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Problem: reach LLVM's IR pipeline and code generator in every tool that has them (clang, opt, llc, ld.lld), unpatched.
//
// Mechanism: two registrations, by objects that are made when the plugin is loaded.
//  - llvmGetPassPluginInfo offers a callback to the IR pipelines of opt, -fpass-plugin= and the linker; under -fplugin= the front end's
//    action hands over the same callback.
//  - A callback of the code generator adds the passes of passes/. Every tool calls it, once for each module, ThinLTO from several
//    threads at once.
//
// Invariants: no state but the options, which are read-only once code is generated. Every pass may be added twice (-fplugin= together with
// -fpass-plugin=) and then does its work once.
#include "plugin/CodeGeneration.h"
#include "plugin/Options.h"

#include "passes/Passes.h"
#include "passes/ir/LiveReferences.h"
#include "passes/ir/Passes.h"

#include "llvm/IR/LegacyPassManager.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Plugins/PassPlugin.h"
#include "llvm/Target/RegisterTargetPassConfigCallback.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/TargetParser/Triple.h"

using namespace llvm;

void stillpoint::extendPipeline(PassBuilder &PB) {
  addLiveReferences(PB);
  addReferencesInMemory(PB);
  PB.registerPipelineStartEPCallback([](ModulePassManager &MPM, OptimizationLevel) {
    MPM.addPass(LowerAnnotationsPass(wantsFullLiveness()));
    if (wantsMainTask())
      MPM.addPass(MainTaskPass());
  });
  PB.registerOptimizerLastEPCallback([](ModulePassManager &MPM, OptimizationLevel, ThinOrFullLTOPhase Phase) {
    if (Phase == ThinOrFullLTOPhase::ThinLTOPreLink || Phase == ThinOrFullLTOPhase::FullLTOPreLink)
      MPM.addPass(RegisterModulePass());
  });
}

namespace {

// In this order, each over the whole module. What moves references in memory comes before the keeps and markers, which describe the result.
void addReferencePasses(legacy::PassManagerBase &PM) {
  PM.add(stillpoint::createIntegralReferencesPass());
  PM.add(stillpoint::createNullReferencesPass());
  PM.add(stillpoint::createReferencesInMemoryPass());
  if (stillpoint::wantsVerifiedReferences())
    PM.add(stillpoint::createVerifyReferencesPass());
  PM.add(stillpoint::createReferenceMarkersPass());
}

void extendCodeGeneration(TargetMachine &TM, legacy::PassManagerBase &PM, TargetPassConfig *Config) {
  if (!stillpoint::isSupportedTarget(TM.getTargetTriple())) {
    PM.add(stillpoint::createUnsupportedTargetPass());
    return;
  }
  PM.add(stillpoint::createLowerAnnotationsLegacyPass());
  PM.add(stillpoint::createRegisterModuleLegacyPass());
  addReferencePasses(PM);
  stillpoint::PassOptions Options;
  Options.FullLiveness = stillpoint::wantsFullLiveness();
  Options.DumpFunction = stillpoint::dumpFunction().str();
  Options.UncheckedCopies = !stillpoint::wantsNoUncheckedCopies();
  stillpoint::addStillpointPasses(TM, PM, Config, Options);
}

RegisterTargetPassConfigCallback CodeGeneration(extendCodeGeneration);

} // namespace

extern "C" LLVM_ATTRIBUTE_VISIBILITY_DEFAULT PassPluginLibraryInfo llvmGetPassPluginInfo() {
  return {LLVM_PLUGIN_API_VERSION, "stillpoint", "0.1", stillpoint::extendPipeline, nullptr};
}
