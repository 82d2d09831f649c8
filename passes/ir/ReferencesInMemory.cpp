// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Where the steps over references in memory stand: some in the pipeline that optimises, the rest at the head of code generation.
//
// Invariant: a module without references is left as it is, at the price of one look at it.
#include "passes/ir/ReferencesInMemory.h"
#include "passes/Markers.h"
#include "passes/ir/LiveReferences.h"
#include "passes/ir/Passes.h"
#include "passes/ir/ReferenceTypes.h"

#include "llvm/IR/Module.h"
#include "llvm/Pass.h"
#include "llvm/Passes/PassBuilder.h"

using namespace llvm;
using namespace stillpoint;

namespace {

using FunctionStep = bool (*)(Function &);

bool applyTo(Module &M, ArrayRef<FunctionStep> Steps) {
  bool Changed = false;
  for (Function &F : M)
    if (!F.isDeclarationForLinker() && !F.hasFnAttribute(IgnoreAttribute))
      for (FunctionStep Step : Steps)
        Changed |= Step(F);
  return Changed;
}

// At the head of code generation.
class ReferencesInMemory : public ModulePass {
public:
  static char ID;
  ReferencesInMemory() : ModulePass(ID) {}
  StringRef getPassName() const override { return "Stillpoint: references in memory"; }
  bool runOnModule(Module &M) override {
    if (!usesReferences(M))
      return false;
    bool Changed = applyTo(M, {unguardReferences, splitReferenceAccesses, keepBases, splitCopiesOfMembers, holdAcrossSecondReturns,
                               rootStackObjects, addWriteBarriers});
    return listGlobalRoots(M) || Changed;
  }
};
char ReferencesInMemory::ID = 0;

// In the pipeline that optimises, and for opt.
template <FunctionStep Step>
class Named : public PassInfoMixin<Named<Step>> {
public:
  PreservedAnalyses run(Module &M, ModuleAnalysisManager &) {
    return usesReferences(M) && applyTo(M, {Step}) ? PreservedAnalyses::none() : PreservedAnalyses::all();
  }
  static bool isRequired() { return true; }
};

// The same over one function, where the pipeline takes nothing else. Cheap for a function without references.
template <FunctionStep Step>
class InFunction : public PassInfoMixin<InFunction<Step>> {
public:
  PreservedAnalyses run(Function &F, FunctionAnalysisManager &) { return Step(F) ? PreservedAnalyses::none() : PreservedAnalyses::all(); }
  static bool isRequired() { return true; }
};

class GlobalRoots : public PassInfoMixin<GlobalRoots> {
public:
  PreservedAnalyses run(Module &M, ModuleAnalysisManager &) {
    return listGlobalRoots(M) ? PreservedAnalyses::none() : PreservedAnalyses::all();
  }
  static bool isRequired() { return true; }
};

bool addNamedPass(StringRef Name, ModulePassManager &MPM, ArrayRef<PassBuilder::PipelineElement>) {
  if (Name == "stillpoint-type-copies")
    MPM.addPass(Named<typeCopies>());
  else if (Name == "stillpoint-stack-arguments")
    MPM.addPass(Named<markStackArguments>());
  else if (Name == "stillpoint-guard")
    MPM.addPass(Named<guardReferences>());
  else if (Name == "stillpoint-unguard")
    MPM.addPass(Named<unguardReferences>());
  else if (Name == "stillpoint-split")
    MPM.addPass(Named<splitReferenceAccesses>());
  else if (Name == "stillpoint-stack-roots")
    MPM.addPass(Named<rootStackObjects>());
  else if (Name == "stillpoint-write-barriers")
    MPM.addPass(Named<addWriteBarriers>());
  else if (Name == "stillpoint-global-roots")
    MPM.addPass(GlobalRoots());
  else if (Name == "stillpoint-coroutines")
    MPM.addPass(Named<checkCoroutine>());
  else
    return false;
  return true;
}

} // namespace

ModulePass *stillpoint::createReferencesInMemoryPass() { return new ReferencesInMemory; }

void stillpoint::addReferencesInMemory(PassBuilder &PB) {
  PB.registerPipelineStartEPCallback([](ModulePassManager &MPM, OptimizationLevel) {
    MPM.addPass(Named<typeCopies>());
    MPM.addPass(Named<markStackArguments>());
  });
  PB.registerCGSCCOptimizerLateEPCallback(
      [](CGSCCPassManager &CGPM, OptimizationLevel) { CGPM.addPass(createCGSCCToFunctionPassAdaptor(InFunction<checkCoroutine>())); });
  PB.registerOptimizerEarlyEPCallback(
      [](ModulePassManager &MPM, OptimizationLevel, ThinOrFullLTOPhase) { MPM.addPass(Named<guardStackObjects>()); });
  PB.registerVectorizerStartEPCallback([](FunctionPassManager &FPM, OptimizationLevel) { FPM.addPass(InFunction<guardReferences>()); });
  PB.registerFullLinkTimeOptimizationEarlyEPCallback(
      [](ModulePassManager &MPM, OptimizationLevel) { MPM.addPass(Named<guardReferences>()); });
  PB.registerPipelineParsingCallback(addNamedPass);
}
