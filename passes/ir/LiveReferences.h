// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What makes references precise while they are in registers: the address space that keeps them apart from integers during optimisation, the
// keeps that hold an object alive while pointers derived from it are used, the markers that name references for the machine pass, and the
// verifier of what those rely on. References in memory are Passes.h's.
//
// Each function does nothing, and returns false, where the module or function has no references.
#ifndef STILLPOINT_PASSES_IR_LIVEREFERENCES_H
#define STILLPOINT_PASSES_IR_LIVEREFERENCES_H

#include "llvm/IR/PassManager.h"

namespace llvm {
class ModulePass;
class PassBuilder;
} // namespace llvm

namespace stillpoint {

/// Makes address space 1 non-integral in the module's data layout, or takes that back: nothing but our own optimisation may see it, since
/// linkers and front ends compare data layouts.
bool makeReferencesNonIntegral(llvm::Module &M);
bool makeReferencesIntegral(llvm::Module &M);

/// undef, poison and freeze of references become null: the collector must never see a register that holds just anything.
bool nullUndefinedReferences(llvm::Function &F);

/// Keeps every base alive behind the last use of what was derived from it.
bool keepBases(llvm::Function &F);

/// Names every reference by a marker (passes/Markers.h).
bool markReferences(llvm::Function &F);

/// Reports, as errors, what the passes behind it could not describe.
bool verifyReferences(llvm::Function &F);
bool wantsVerifiedReferences();

/// Hooks NonIntegral into every pipeline that optimises, and the passes' names into opt's -passes=.
void addLiveReferences(llvm::PassBuilder &PB);

/// For the head of code generation: IntegralReferences and NullReferences before the passes on memory, the others behind them.
llvm::ModulePass *createIntegralReferencesPass();
llvm::ModulePass *createNullReferencesPass();
llvm::ModulePass *createVerifyReferencesPass();
llvm::ModulePass *createKeepsPass();
llvm::ModulePass *createReferenceMarkersPass();

} // namespace stillpoint

#endif
