// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which types hold references, and where: what every pass over memory with references asks.
#ifndef STILLPOINT_PASSES_IR_REFERENCETYPES_H
#define STILLPOINT_PASSES_IR_REFERENCETYPES_H

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/SmallVector.h"

#include <cstdint>

namespace llvm {
class DataLayout;
class Instruction;
class Function;
class Module;
class Twine;
class Type;
} // namespace llvm

namespace stillpoint {

/// A pointer to the collected heap, or a vector of such.
bool isReference(const llvm::Type *T);

/// A reference, or an aggregate with one in it.
bool holdsReferences(llvm::Type *T);

/// A reference, an aggregate with one in it, or one that may hide some (below).
bool mayHoldReferences(llvm::Type *T);

/// Whether anything in the module is, or holds, a reference. Everything else is to be left as it is.
bool usesReferences(const llvm::Module &M);
bool usesReferences(const llvm::Function &F);

/// Appends the offsets in bytes, from `Base`, at which a T in memory holds references; ascending, each once. `Hidden`: also the words of unions, which
/// show only one of their members in IR (std::variant), and of buffers made for objects of other types. Such a word is a reference or anything else.
void appendReferenceOffsets(llvm::Type *T, const llvm::DataLayout &DL, uint64_t Base, bool Hidden,
                            llvm::SmallVectorImpl<uint64_t> &Offsets);

/// Reports what cannot be compiled soundly, at the instruction's place in the source.
void reportReferenceError(const llvm::Instruction &I, const llvm::Twine &Message);

} // namespace stillpoint

#endif
