// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Problem: to LLVM a pointer is as good as an integer of its size. It copies references as i64, compares them as integers and makes them from
// integers, and behind that nobody can tell which register holds a reference.
//
// Mechanism: address space 1 is declared non-integral ("-ni:1" in the data layout) in modules that have references, at the start of each
// pipeline that optimises (also behind ThinLTO's import and at the start of full LTO), and taken back at its end.
//
// Invariants:
//  - The data layout of what leaves the pipeline is the target's: linkers and Clang compare it, and so does the code generator.
//  - A module without references is left as it is.
//
// Rejected: the declaration in every module (identical text could then only be hoped for); leaving it until code generation (bitcode, and
// -emit-llvm, would carry it: "linking two modules of different data layouts").
#include "passes/Markers.h"
#include "passes/ir/LiveReferences.h"
#include "passes/ir/ReferenceTypes.h"

#include "llvm/IR/Module.h"
#include "llvm/Pass.h"
#include "llvm/Passes/PassBuilder.h"

using namespace llvm;

namespace {

constexpr StringLiteral NonIntegralSpec = "-ni:1";

class NonIntegralPass : public PassInfoMixin<NonIntegralPass> {
public:
  PreservedAnalyses run(Module &M, ModuleAnalysisManager &) {
    return stillpoint::makeReferencesNonIntegral(M) ? PreservedAnalyses::none() : PreservedAnalyses::all();
  }
  static bool isRequired() { return true; }
};

class IntegralPass : public PassInfoMixin<IntegralPass> {
public:
  PreservedAnalyses run(Module &M, ModuleAnalysisManager &) {
    return stillpoint::makeReferencesIntegral(M) ? PreservedAnalyses::none() : PreservedAnalyses::all();
  }
  static bool isRequired() { return true; }
};

template <bool (*Step)(Function &)>
class Named : public PassInfoMixin<Named<Step>> {
public:
  PreservedAnalyses run(Function &F, FunctionAnalysisManager &) { return Step(F) ? PreservedAnalyses::none() : PreservedAnalyses::all(); }
  static bool isRequired() { return true; }
};

bool addNamedPass(StringRef Name, FunctionPassManager &FPM, ArrayRef<PassBuilder::PipelineElement>) {
  if (Name == "stillpoint-null")
    FPM.addPass(Named<stillpoint::nullUndefinedReferences>());
  else if (Name == "stillpoint-verify")
    FPM.addPass(Named<stillpoint::verifyReferences>());
  else if (Name == "stillpoint-keeps")
    FPM.addPass(Named<stillpoint::keepBases>());
  else if (Name == "stillpoint-markers")
    FPM.addPass(Named<stillpoint::markReferences>());
  else
    return false;
  return true;
}

// One step over all functions with references, for the legacy pipeline.
template <bool (*Step)(Function &)>
class Legacy : public ModulePass {
public:
  static char ID;
  explicit Legacy(const char *Name) : ModulePass(ID), Name(Name) {}
  StringRef getPassName() const override { return Name; }
  bool runOnModule(Module &M) override {
    bool Changed = false;
    for (Function &F : M)
      if (!F.isDeclaration() && stillpoint::usesReferences(F))
        Changed |= Step(F);
    return Changed;
  }

private:
  const char *Name;
};
template <bool (*Step)(Function &)>
char Legacy<Step>::ID = 0;

class IntegralReferences : public ModulePass {
public:
  static char ID;
  IntegralReferences() : ModulePass(ID) {}
  StringRef getPassName() const override { return "Stillpoint: references as the target sees them"; }
  bool runOnModule(Module &M) override { return stillpoint::makeReferencesIntegral(M); }
};
char IntegralReferences::ID = 0;

} // namespace

bool stillpoint::makeReferencesNonIntegral(Module &M) {
  if (M.getDataLayout().isNonIntegralAddressSpace(ReferenceAddressSpace) || !usesReferences(M))
    return false;
  M.setDataLayout(M.getDataLayoutStr() + NonIntegralSpec.str());
  return true;
}

bool stillpoint::makeReferencesIntegral(Module &M) {
  StringRef Layout = M.getDataLayoutStr();
  if (!Layout.consume_back(NonIntegralSpec))
    return false;
  M.setDataLayout(Layout.str());
  return true;
}

void stillpoint::addLiveReferences(PassBuilder &PB) {
  PB.registerPipelineStartEPCallback([](ModulePassManager &MPM, OptimizationLevel) { MPM.addPass(NonIntegralPass()); });
  PB.registerPipelineEarlySimplificationEPCallback(
      [](ModulePassManager &MPM, OptimizationLevel, ThinOrFullLTOPhase) { MPM.addPass(NonIntegralPass()); });
  // -ffat-lto-objects continues to optimise behind the end of the pre-link pipeline.
  PB.registerOptimizerEarlyEPCallback(
      [](ModulePassManager &MPM, OptimizationLevel, ThinOrFullLTOPhase) { MPM.addPass(NonIntegralPass()); });
  PB.registerFullLinkTimeOptimizationEarlyEPCallback([](ModulePassManager &MPM, OptimizationLevel) { MPM.addPass(NonIntegralPass()); });
  PB.registerOptimizerLastEPCallback([](ModulePassManager &MPM, OptimizationLevel, ThinOrFullLTOPhase) { MPM.addPass(IntegralPass()); });
  PB.registerFullLinkTimeOptimizationLastEPCallback([](ModulePassManager &MPM, OptimizationLevel) { MPM.addPass(IntegralPass()); });
  PB.registerPipelineParsingCallback(addNamedPass);
}

ModulePass *stillpoint::createIntegralReferencesPass() { return new IntegralReferences; }
ModulePass *stillpoint::createNullReferencesPass() {
  return new Legacy<nullUndefinedReferences>("Stillpoint: undefined references to null");
}
ModulePass *stillpoint::createVerifyReferencesPass() { return new Legacy<verifyReferences>("Stillpoint: verification of references"); }
ModulePass *stillpoint::createKeepsPass() { return new Legacy<keepBases>("Stillpoint: keeping of bases"); }
ModulePass *stillpoint::createReferenceMarkersPass() { return new Legacy<markReferences>("Stillpoint: markers of references"); }
