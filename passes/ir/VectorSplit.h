// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Vectors of references, taken apart.
#ifndef STILLPOINT_PASSES_IR_VECTORSPLIT_H
#define STILLPOINT_PASSES_IR_VECTORSPLIT_H

namespace llvm {
class Function;
}

namespace stillpoint {

/// Replaces every vector of references by its elements; reports what cannot be. Returns whether anything changed.
bool splitReferenceVectors(llvm::Function &F);

} // namespace stillpoint

#endif
