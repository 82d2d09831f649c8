// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the collector counts over all collections, for gc::stats() and gctrace.
#ifndef STILLPOINT_RUNTIME_GC_COUNTERS_H
#define STILLPOINT_RUNTIME_GC_COUNTERS_H

#include <cstdint>

namespace stillpoint::rt::gc {

// One stop of the world. Nanoseconds.
struct stop_times {
  std::uint64_t to_stop = 0; // from the wish to the world stopped
  std::uint64_t pause = 0;   // from the world stopped to it running again
};

struct cycle_record {
  std::uint64_t number = 0;
  stop_times begin, finish;
  std::uint64_t marking_ns = 0; // between the two
  std::uint64_t heap_before = 0;
  std::uint64_t live = 0;
  std::uint64_t goal = 0;
  std::uint64_t marked_objects = 0;
  std::uint64_t frames = 0; // of tasks' stacks, scanned in both stops
  std::uint32_t finish_attempts = 0;
  std::uint64_t dying = 0;
};

// Any thread.
void count_stop(const stop_times &t) noexcept;
void count_failed_stop() noexcept;
void count_cycle(const cycle_record &r) noexcept;
void print_cycle(const cycle_record &r) noexcept;

} // namespace stillpoint::rt::gc

#endif
