// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A copy of memory that holds references, as loads and stores that say so.
#ifndef STILLPOINT_PASSES_IR_TYPEDCOPY_H
#define STILLPOINT_PASSES_IR_TYPEDCOPY_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/Support/Alignment.h"

namespace stillpoint {

struct CopySide {
  llvm::Value *Pointer;
  llvm::Align Alignment;
};

/// Copies `Size` bytes between places that do not overlap (or are the same): the words at `Offsets` (ascending) as references, what lies between by plain copies.
void emitTypedCopy(llvm::IRBuilder<> &B, CopySide To, CopySide From, uint64_t Size, llvm::ArrayRef<uint64_t> Offsets);

} // namespace stillpoint

#endif
