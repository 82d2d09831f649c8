// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The steps that make references in memory what the collector expects, in the order in which they are taken. Each returns whether it changed anything.
#ifndef STILLPOINT_PASSES_IR_REFERENCESINMEMORY_H
#define STILLPOINT_PASSES_IR_REFERENCESINMEMORY_H

namespace llvm {
class Function;
class IRBuilderBase;
class Module;
class Value;
} // namespace llvm

namespace stillpoint {

/// Copies of small objects that are known to hold references become typed, before an optimisation makes integers or vectors of them.
bool typeCopies(llvm::Function &F);

/// References that arrive as integers are marked at once, so that they are never taken for integers.
bool markStackArguments(llvm::Function &F);

/// Accesses to references are kept from being vectorised (and let go again), stack objects with references from being moved to a sanitizer's stack.
bool guardReferences(llvm::Function &F);
bool unguardReferences(llvm::Function &F);
bool guardStackObjects(llvm::Function &F);

/// A reference that would live in a coroutine's frame, which nobody scans, is an error. Before coroutines are split.
/// Changes nothing.
bool checkCoroutine(llvm::Function &F);

/// At the head of code generation: no aggregate or vector with references is loaded or stored, and no memory with references copied, but by words or by the
/// runtime.
bool splitReferenceAccesses(llvm::Function &F);
bool splitCopiesOfMembers(llvm::Function &F);    // once more, of objects that keepBases made roots
bool holdAcrossSecondReturns(llvm::Function &F); // of setjmp
bool rootStackObjects(llvm::Function &F);
bool addWriteBarriers(llvm::Function &F);
bool listGlobalRoots(llvm::Module &M);

/// Calls the runtime to copy memory that holds references.
void callReferenceCopy(llvm::IRBuilderBase &B, llvm::Value *To, llvm::Value *From, llvm::Value *Length);

} // namespace stillpoint

#endif
