// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The passes over IR: what the front end asked for, and what every module needs besides its tables.
#ifndef STILLPOINT_PASSES_IR_PASSES_H
#define STILLPOINT_PASSES_IR_PASSES_H

#include "llvm/IR/PassManager.h"

namespace llvm {
class ModulePass;
class PassBuilder;
} // namespace llvm

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

/// Replaces the calls of atomic operations on references by instructions; part of LowerAnnotationsPass.
bool lowerReferenceAtomics(llvm::Module &M);

/// main=task: the program's main becomes the first task, and a new main starts the runtime. Only at the beginning of the pipeline.
class MainTaskPass : public llvm::PassInfoMixin<MainTaskPass> {
public:
  llvm::PreservedAnalyses run(llvm::Module &M, llvm::ModuleAnalysisManager &);
  static bool isRequired() { return true; }
};

/// Adds the module's descriptor, constructor and destructor before link-time optimisation, so that it keeps one copy.
class RegisterModulePass : public llvm::PassInfoMixin<RegisterModulePass> {
public:
  llvm::PreservedAnalyses run(llvm::Module &M, llvm::ModuleAnalysisManager &);
  static bool isRequired() { return true; }
};

/// The same at the head of code generation, for modules that do not have them.
llvm::ModulePass *createRegisterModuleLegacyPass();

/// References in memory, at the head of code generation, behind what makes undef null and before the keeps and markers: whole-object copies, aggregates
/// and vectors of references become single typed loads and stores; stack objects become roots (Markers.h); stores get their barrier; global
/// variables are listed. Does nothing in a module without references.
llvm::ModulePass *createReferencesInMemoryPass();

/// What has to happen to references in memory while IR is optimised, and the steps of the pass above by name, for opt.
void addReferencesInMemory(llvm::PassBuilder &PB);

/// Reports an error once for each module: for targets that have no tables.
llvm::ModulePass *createUnsupportedTargetPass();

} // namespace stillpoint

#endif
