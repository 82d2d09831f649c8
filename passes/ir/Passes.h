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

/// References in memory. All do nothing in a module without references (passes/ir/ReferenceTypes.h).
///
/// At the start of the pipeline: copies of memory that is known to hold references become typed, before an optimisation makes integers of them.
class TypedCopiesPass : public llvm::PassInfoMixin<TypedCopiesPass> {
public:
  llvm::PreservedAnalyses run(llvm::Module &M, llvm::ModuleAnalysisManager &);
  static bool isRequired() { return true; }
};

/// Before the vectorisers and the sanitizers (VectorizerStart, and OptimizerEarly again): accesses to references are kept from being vectorised,
/// stack objects with references from being moved to the heap.
class GuardReferencesPass : public llvm::PassInfoMixin<GuardReferencesPass> {
public:
  llvm::PreservedAnalyses run(llvm::Function &F, llvm::FunctionAnalysisManager &);
  static bool isRequired() { return true; }
};

/// Before coroutines are split: a reference that would live in a coroutine's frame, which nobody scans, is an error.
class CoroutineReferencesPass : public llvm::PassInfoMixin<CoroutineReferencesPass> {
public:
  llvm::PreservedAnalyses run(llvm::Module &M, llvm::ModuleAnalysisManager &);
  static bool isRequired() { return true; }
};

/// At the head of code generation, in this order, behind what makes undef null: whole-object copies, aggregates and vectors of references become
/// single typed loads and stores; stack objects become roots (Markers.h); stores get their barrier; global variables are listed.
llvm::ModulePass *createReferenceMemoryPass();
llvm::ModulePass *createStackRootsPass();
llvm::ModulePass *createWriteBarrierPass();
llvm::ModulePass *createGlobalRootsPass();

/// Reports an error once for each module: for targets that have no tables.
llvm::ModulePass *createUnsupportedTargetPass();

} // namespace stillpoint

#endif
