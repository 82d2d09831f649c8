// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The passes over IR: what the front end asked for, and what every module needs besides its tables.
#ifndef STILLPOINT_PASSES_IR_PASSES_H
#define STILLPOINT_PASSES_IR_PASSES_H

#include "llvm/IR/PassManager.h"

namespace llvm {
class ModulePass;
}

namespace stillpoint {

/// The names by which the front end marks things in IR (annotations, calls); LowerAnnotationsPass replaces them by what Markers.h names.
inline constexpr char NosplitAnnotation[] = "stillpoint::nosplit";
inline constexpr char UnsafeBeginFunction[] = "__stillpoint_unsafe_begin";
inline constexpr char UnsafeEndFunction[] = "__stillpoint_unsafe_end";

/// Turns the front end's marks into function attributes and markers, first thing in the pipeline.
class LowerAnnotationsPass : public llvm::PassInfoMixin<LowerAnnotationsPass> {
public:
  explicit LowerAnnotationsPass(bool FullLiveness) : FullLiveness(FullLiveness) {}
  llvm::PreservedAnalyses run(llvm::Module &M, llvm::ModuleAnalysisManager &);
  static bool isRequired() { return true; }

private:
  bool FullLiveness;
};

/// The same at the head of code generation, for IR that saw no pipeline; liveness is then the code generator's option.
llvm::ModulePass *createLowerAnnotationsLegacyPass();

/// Adds the module's descriptor, constructor and destructor before link-time optimisation, so that it keeps one copy.
class RegisterModulePass : public llvm::PassInfoMixin<RegisterModulePass> {
public:
  llvm::PreservedAnalyses run(llvm::Module &M, llvm::ModuleAnalysisManager &);
  static bool isRequired() { return true; }
};

/// The same at the head of code generation, for modules that do not have them.
llvm::ModulePass *createRegisterModuleLegacyPass();

/// Reports an error once for each module: for targets that have no tables.
llvm::ModulePass *createUnsupportedTargetPass();

} // namespace stillpoint

#endif
