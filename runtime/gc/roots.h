// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Roots outside of stacks: variables that the program has registered, and memory outside of the heap whose layout says where its
// references are.
//
// Invariants: a root that points to no object is ignored. Blocks of rooted memory are linked by a header before them, so giving one back
// needs no search. Any thread; the lock is held while a collection looks at them.
// Rejected: scanning malloc's memory (whose words are references there?).
#ifndef STILLPOINT_RUNTIME_GC_ROOTS_H
#define STILLPOINT_RUNTIME_GC_ROOTS_H

#include "gc/heap.h"

#include <cstdint>

namespace stillpoint::rt::gc {

void add_root(std::uintptr_t *address);
void remove_root(std::uintptr_t *address) noexcept;
void *allocate_rooted(abi::layout &type, std::size_t count = 1);
void free_rooted(void *object) noexcept;

// Marks what all of them refer to. While marking.
void mark_registered_roots(cache &mine) noexcept;

} // namespace stillpoint::rt::gc

#endif
