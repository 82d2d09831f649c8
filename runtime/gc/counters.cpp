// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See counters.h and <stillpoint/gc/collector.hpp>.
#include "gc/counters.h"

#include "fatal.h"
#include "gc/death.h"
#include "gc/heap.h"
#include "gc/pages.h"
#include "sched/lock.h"
#include "stillpoint/gc/collector.hpp"

#include <algorithm>
#include <bit>

namespace stillpoint {
namespace rt::gc {
namespace {

using stillpoint::gc::histogram;

struct counts {
  lock mutex;
  histogram pauses STILLPOINT_GUARDED_BY(mutex);
  histogram stops STILLPOINT_GUARDED_BY(mutex);
  cycle_record latest STILLPOINT_GUARDED_BY(mutex);
  std::uint64_t marked STILLPOINT_GUARDED_BY(mutex) = 0;
  std::uint64_t failed STILLPOINT_GUARDED_BY(mutex) = 0;
};
constinit counts all;

void add(histogram &h, std::uint64_t ns) noexcept {
  const auto slot = static_cast<std::size_t>(std::bit_width(ns / 1000));
  ++h.counts[std::min(slot, histogram::size - 1)];
  ++h.total;
  h.sum_ns += ns;
  h.longest_ns = std::max(h.longest_ns, ns);
}

} // namespace

void count_stop(const stop_times &t) noexcept {
  const lock_guard held(all.mutex);
  add(all.pauses, t.pause);
  add(all.stops, t.to_stop);
}

void count_failed_stop() noexcept {
  const lock_guard held(all.mutex);
  ++all.failed;
}

void count_cycle(const cycle_record &r) noexcept {
  const lock_guard held(all.mutex);
  all.latest = r;
  all.marked += r.marked_objects;
}

void print_cycle(const cycle_record &r) noexcept {
  (message() << "gctrace: " << r.number << ": to stop " << r.begin.to_stop / 1000 << "+" << r.finish.to_stop / 1000 << " us, stopped "
             << r.begin.pause / 1000 << "+" << r.finish.pause / 1000 << " us, marking " << r.marking_ns / 1000 << " us, heap "
             << (r.heap_before >> 10) << " -> " << (r.live >> 10) << " KiB live, goal " << (r.goal >> 10) << " KiB, " << r.marked_objects
             << " objects, " << r.frames << " frames, " << r.finish_attempts << " attempts, " << r.dying << " destructors")
      .print();
}

} // namespace rt::gc

namespace gc {

std::uint64_t histogram::quantile_ns(double q) const noexcept {
  if (total == 0)
    return 0;
  const double wanted = std::clamp(q, 0.0, 1.0) * static_cast<double>(total);
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i + 1 < size; ++i) {
    seen += counts[i];
    if (static_cast<double>(seen) >= wanted)
      return std::min(longest_ns, (std::uint64_t{1} << i) * 1000);
  }
  return longest_ns;
}

statistics stats() noexcept {
  namespace in = rt::gc;
  statistics s;
  std::uint64_t allocated_at_latest = 0;
  for (const in::cache *c = in::all_caches(); c; c = c->next_all) {
    s.objects_allocated += __atomic_load_n(&c->objects, __ATOMIC_RELAXED);
    s.bytes_allocated += __atomic_load_n(&c->bytes, __ATOMIC_RELAXED);
  }
  const in::page_counts pages = in::count_pages();
  s.committed_bytes = (pages.used + pages.dirty) << in::page_shift;
  s.returned_bytes = pages.returned << in::page_shift;
  s.finalizers_run = in::destroyed();
  {
    const rt::lock_guard held(in::all.mutex);
    s.cycles = in::all.latest.number;
    s.live_bytes = in::all.latest.live;
    s.goal_bytes = in::all.latest.goal;
    s.marked_objects = in::all.marked;
    s.failed_stops = in::all.failed;
    s.pauses = in::all.pauses;
    s.stops = in::all.stops;
    allocated_at_latest = in::heap_now.allocated_at_latest.load(std::memory_order_relaxed);
  }
  s.heap_bytes = s.live_bytes + in::heap_now.allocated_bytes.load(std::memory_order_relaxed) - allocated_at_latest;
  return s;
}

} // namespace gc
} // namespace stillpoint
