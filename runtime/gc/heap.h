// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Cells: how they are handed out, and how those that died come back.
//
// Mechanism. Each worker thread has a cache: for every class of cells one run of neighbouring free cells, [at, end), already cleared. The
// fast path of an allocation adds the size to `at`. A run that is used up is followed by the next one in the span, found by scanning the
// allocation bits a word at a time; a span that is used up by another one of the class.
// Sweeping is: the mark bits become the allocation bits. It is done span by span by whoever wants cells of the class, and for the rest by
// sweep_some, before the next collection begins.
// While references are being marked, whole runs are marked when they are handed out: new objects are live in this collection, and their
// contents are known to the write barrier.
//
// Invariants: a span is in at most one cache; what a cache holds of it no one else touches. Every span is swept exactly once between two
// collections.
// Rejected: lists of free cells threaded through them (touches every free cell; and a dead cell's contents are what finds bugs).
#ifndef STILLPOINT_RUNTIME_GC_HEAP_H
#define STILLPOINT_RUNTIME_GC_HEAP_H

#include "gc/classes.h"
#include "gc/span.h"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace stillpoint::rt {
struct worker;
}

namespace stillpoint::rt::gc {

struct mark_chunk;

// A run of free cells of one class: an entry of a cache, found by the class's index. 16 bytes, so that finding it is a shift.
struct free_run {
  std::uintptr_t at = 0;
  std::uintptr_t end = 0;
};

// A worker thread's part of the heap. Only its thread touches it, or the one that has stopped the world.
struct cache {
  free_run *runs = nullptr;        // most_classes of them, by index; [0] is such that it never has a cell
  span **spans = nullptr;          // what the run is in
  std::vector<std::uint32_t> used; // indexes whose `spans` is not null
  worker *owner = nullptr;
  cache *next_all = nullptr;
  std::uint64_t objects = 0; // handed out, in whole runs
  std::uint64_t bytes = 0;
  // Marking (mark.h).
  mark_chunk *local = nullptr;
  std::uint64_t marked_bytes = 0;
  std::uint64_t marked_objects = 0;
};

// What changes with the collection's phases. Written while the world is stopped, read by anyone in between.
struct heap_state {
  std::atomic<bool> marking{false};
  std::uint64_t epoch = 1;                           // grows with every collection that has ended: spans with another one are to be swept
  std::atomic<bool> poison{false};                   // fill what died, and keep it aside for one collection. Of a run's settings
  std::atomic<bool> single_cells{false};             // runs of one cell: every allocation takes the slow path. Of a run's settings
  std::atomic<std::uint64_t> allocated_bytes{0};     // since the process began
  std::atomic<std::uint64_t> allocated_at_latest{0}; // the same when the latest collection ended
};
extern constinit heap_state heap_now;

// The fast path's view of this thread's cache; null before attach_cache.
extern constinit thread_local free_run *this_runs;

// This thread's cache. Never kept across a switch of tasks. attach: makes or finds one for `w`, and makes it this thread's.
cache *this_cache() noexcept;
cache &attach_cache(worker *w);
// Every cache ever made (acquire).
cache *all_caches() noexcept;

// A zeroed cell, or null if the limit is reached. May sweep. `bytes` counts for large classes only.
void *take_cell(cache &mine, cell_class &c, std::size_t bytes) noexcept;

// The world is stopped. begin: what the caches still hold is marked; flush: it goes back.
void mark_caches() noexcept;
void flush_caches() noexcept;

// The world is stopped, marking has ended, caches are flushed: from here on spans are to be swept. Objects not marked are dead.
void begin_sweeping() noexcept;
// Sweeps up to `most` spans; false if none was left. Any thread.
bool sweep_some(std::size_t most) noexcept;
// Returns when every span is swept.
void finish_sweeping() noexcept;

inline constexpr unsigned char poison_byte = 0xdb;

} // namespace stillpoint::rt::gc

#endif
