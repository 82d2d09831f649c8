// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Problem: exact sets of references change at every other instruction, and every change costs a byte or two.
//
// Mechanism: from one point to the next, within a block, the set that is listed stays as long as it still says enough: every live reference is listed,
// or another listed location holds the same value (its source, if it is a copy) or the reference that it is an offset from. What is dead may stay
// listed until it is written, for LongestStale instructions at most, and nothing dead that an outer frame would show is listed at a call.
//
// Invariants: at no point is a live reference's object without a listed location that holds a pointer into it; at calls that holds for callee-saved
// registers and slots alone, which is all that a walk sees of outer frames. Nothing is listed that has not been a reference since it was last written.
//
// Rejected: listing a location before it is written. It saves as much again, and hands out words that never were references.
#ifndef STILLPOINT_PASSES_MACHINE_SMOOTHREFERENCES_H
#define STILLPOINT_PASSES_MACHINE_SMOOTHREFERENCES_H

#include "passes/machine/References.h"

namespace stillpoint {

/// `States` are those of C's instructions.
void smoothReferences(const Code &C, const References &Refs, std::vector<emit::PointState> &States);

} // namespace stillpoint

#endif
