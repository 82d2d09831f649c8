// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Problem: is every reference that is still wanted listed?
//
// Mechanism: which values are references the code does not say, so the tables and the runtime's write barrier do: a value that is listed
// anywhere is one,
// what a barrier is told of, and what may be such a value (where ways meet, CMOV). While it is still read later on some way on, it has to
// be listed at
// every point where somebody may look: itself, in whatever place a copy of it is, or what it was computed from or what was computed from
// it, which
// keep the same object.
//
// Not seen: a reference that is listed nowhere at all, and raw pointers that live on what a keep holds.
#ifndef STILLPOINT_TOOLS_VERIFY_MISSING_H
#define STILLPOINT_TOOLS_VERIFY_MISSING_H

#include "rules.h"

namespace stillpoint::verify {

void find_missing_references(const function &f, values &v, const liveness &live, std::vector<finding> &into, counts &counted);

} // namespace stillpoint::verify

#endif
