// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The references in one function's stack objects.
#ifndef STILLPOINT_PASSES_IR_STACKOBJECTS_H
#define STILLPOINT_PASSES_IR_STACKOBJECTS_H

#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/SmallVector.h"

#include <cstdint>
#include <set>

namespace llvm {
class AllocaInst;
class DataLayout;
class Function;
class Type;
class Value;
} // namespace llvm

namespace stillpoint {

/// For every stack object that may hold references the offsets at which it may, by its type and by what is done to it.
class StackObjects {
public:
  explicit StackObjects(llvm::Function &F);

  using Offsets = std::set<uint64_t>;
  const llvm::MapVector<llvm::AllocaInst *, Offsets> &objects() const { return Objects; }

  /// As knownReferenceOffsets below, and what is known of the stack object that `Pointer` points into.
  llvm::SmallVector<uint64_t> offsetsAt(const llvm::Value *Pointer, uint64_t Size) const;

private:
  const llvm::DataLayout &DL;
  llvm::MapVector<llvm::AllocaInst *, Offsets> Objects;
};

/// The offsets, ascending, at which the memory at `Pointer` is known to hold references, as far as that can be told from the object or the type that
/// it points into; relative to `Pointer`, below `Size`. `Hidden` as in appendReferenceOffsets.
llvm::SmallVector<uint64_t> knownReferenceOffsets(const llvm::Value *Pointer, uint64_t Size, const llvm::DataLayout &DL,
                                                  bool Hidden = true);

/// Adds the offsets at which references are stored to and loaded from an object of `Size` bytes at the address `Object`, through whatever is computed from
/// that address.
void appendAccessedOffsets(llvm::Value &Object, uint64_t Size, const llvm::DataLayout &DL, std::set<uint64_t> &Offsets);

} // namespace stillpoint

#endif
