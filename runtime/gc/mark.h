// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Marking: from roots and stored references to everything that they reach.
//
// Mechanism. An object is marked when a reference to it is found, and then waits in a chunk of 510 addresses to be scanned. Each worker
// has a chunk of its own; full ones, and what is left when a worker stops marking, go to a common list, from where those take who have
// none. Between the chunk and the scan stands a short ring: an address enters it with a prefetch and is scanned some objects later.
// A large array is scanned in pieces; the rest of it waits as an address with its lowest bit set.
//
// Ordering. A mark bit says only "somebody scans it or has". Its object is handed over under the list's lock, or scanned by who marked.
// References are read relaxed while tasks write them: what a task stores passes the barrier, and what it has loaded and kept is on its
// stack, which is scanned again at the end.
// A new object's first contents were written after its cell was marked by its own thread, so no marker ever scans it.
// Rejected: a deque for each worker with stealing (the chunks move rarely enough that one lock does); marking when scanned (an object
// would wait twice).
#ifndef STILLPOINT_RUNTIME_GC_MARK_H
#define STILLPOINT_RUNTIME_GC_MARK_H

#include "gc/heap.h"

#include <cstddef>
#include <cstdint>

namespace stillpoint::rt::gc {

// Whether several workers may be in drain() at the same time. Without, a mark costs no locked instruction. Set while the world is stopped,
// or by a worker that comes before its first drain().
void set_shared_marking(bool shared) noexcept;

// Marks what `word` points into, if it is an object, and puts it up to be scanned. Whoever owns `mine`; while marking.
void mark(cache &mine, std::uintptr_t word) noexcept;
// The same on a thread without a cache.
void mark_from_outside(std::uintptr_t word) noexcept;

// Marks what the references in an object of `type` outside of the heap point to (rooted memory).
void mark_references_in(cache &mine, const type_record &type, const void *object) noexcept;
// Scans for about `budget` bytes; returns how many. Fewer: there was nothing left to take. Leaves nothing in `mine`. drain_held is for the
// one who has called hold_draining(): from then on no other drain() is under way, and new ones do nothing, until allow_draining().
std::size_t drain(cache &mine, std::size_t budget) noexcept;
std::size_t drain_held(cache &mine, std::size_t budget) noexcept;
void hold_draining() noexcept;
void allow_draining() noexcept;
// Gives what `mine` holds to the common list. Its own thread, or with the world stopped.
void publish_local(cache &mine) noexcept;
// Whether the common list is empty and no one is in drain(): what remains is in others' chunks.
bool seems_marked() noexcept;
// With the world stopped, all caches published: whether nothing waits.
bool nothing_waits() noexcept;

} // namespace stillpoint::rt::gc

#endif
