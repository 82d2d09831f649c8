// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Sweeping one span: what was not marked is free. See heap.h.
#ifndef STILLPOINT_RUNTIME_GC_SWEEP_H
#define STILLPOINT_RUNTIME_GC_SWEEP_H

#include "gc/classes.h"

namespace stillpoint::rt::gc {

// Once between two collections, under the class's lock, by whoever finds the span first.
void sweep(span &s) noexcept;

} // namespace stillpoint::rt::gc

#endif
