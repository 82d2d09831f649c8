// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Where the steps over references in memory stand: some in the pipeline that optimises, the rest at the head of code generation.
//
// Invariant: a module without references is left as it is, at the price of one look at it.
#include "passes/ir/ReferencesInMemory.h"
#include "passes/Markers.h"
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
    return applyTo(M, {rootStackObjects, addWriteBarriers});
  }
};
char ReferencesInMemory::ID = 0;

// In the pipeline that optimises, and for opt.
template <FunctionStep Step> class Named : public PassInfoMixin<Named<Step>> {
public:
  PreservedAnalyses run(Module &M, ModuleAnalysisManager &) {
    return usesReferences(M) && applyTo(M, {Step}) ? PreservedAnalyses::none() : PreservedAnalyses::all();
  }
  static bool isRequired() { return true; }
};

bool addNamedPass(StringRef Name, ModulePassManager &MPM, ArrayRef<PassBuilder::PipelineElement>) {
  if (Name == "stillpoint-stack-roots")
    MPM.addPass(Named<rootStackObjects>());
  else if (Name == "stillpoint-write-barriers")
    MPM.addPass(Named<addWriteBarriers>());
  else
    return false;
  return true;
}

} // namespace

ModulePass *stillpoint::createReferencesInMemoryPass() { return new ReferencesInMemory; }

void stillpoint::addReferencesInMemory(PassBuilder &PB) { PB.registerPipelineParsingCallback(addNamedPass); }
