// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The collector as a whole: asking for a collection, and what it has counted.
#ifndef STILLPOINT_GC_COLLECTOR_HPP
#define STILLPOINT_GC_COLLECTOR_HPP

#include <stillpoint/export.hpp>

#include <cstddef>
#include <cstdint>

namespace stillpoint::gc {

/// Durations, in powers of two: entry n counts those under 2^n microseconds that are in no entry before; the last one counts the rest.
struct histogram {
  static constexpr std::size_t size = 24;
  std::uint64_t counts[size] = {};
  std::uint64_t total = 0;      ///< how many
  std::uint64_t longest_ns = 0; ///< exact
  std::uint64_t sum_ns = 0;

  /// An upper bound for the given quantile (0.5, 0.99), in nanoseconds; 0 if nothing was counted.
  [[nodiscard]] STILLPOINT_API std::uint64_t quantile_ns(double q) const noexcept;
};

/// Since the process began, or now where it says so.
struct statistics {
  std::uint64_t cycles = 0;            ///< collections that have ended
  std::uint64_t objects_allocated = 0; ///< may lag behind by what each processor has prepared
  std::uint64_t bytes_allocated = 0;   ///< cells, with their padding
  std::uint64_t heap_bytes = 0;        ///< now in use, garbage that has not been swept included
  std::uint64_t live_bytes = 0;        ///< found reachable by the latest collection
  std::uint64_t goal_bytes = 0;        ///< the size that the heap is to have when the next collection ends
  std::uint64_t committed_bytes = 0;   ///< memory taken from the system for objects, now
  std::uint64_t returned_bytes = 0;    ///< given back to the system
  std::uint64_t marked_objects = 0;
  std::uint64_t finalizers_run = 0;
  std::uint64_t failed_stops = 0; ///< the world could not be stopped in time: a task was in foreign code
  histogram pauses;               ///< from the world stopped to the world started
  histogram stops;                ///< from the wish to stop to the world stopped
};

/// Runs a whole collection; returns when it has ended and weak references to what has died are null. Destructors run later, on a task of
/// their own.
/// Tasks only: throws std::logic_error elsewhere. Not for signal handlers.
STILLPOINT_API void collect();

/// Any thread. Not a consistent snapshot.
STILLPOINT_API statistics stats() noexcept;

} // namespace stillpoint::gc

#endif
