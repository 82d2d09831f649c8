// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the handler's decision costs: the table lookup alone, for addresses all over a large managed program, and the whole of
// is_async_safe_point for a task whose calls are 1, 10 and 50 deep. This file is foreign code (deep_stack.cpp is managed), so no signal
// disturbs it.
//
// Prints "lookup NANOSECONDS FUNCTIONS", then "decision DEPTH NANOSECONDS" for each depth; medians of several runs.
#include "clock.h"
#include "deep_stack.h"

#include "runtime/map/registry.h"
#include "runtime/preempt/safe_point.h"

#include <stillpoint/stillpoint.hpp>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <vector>

extern "C" const unsigned char __executable_start[], etext[];
extern "C" const unsigned char records_begin[] __asm__("__start_" STILLPOINT_RECORDS_SECTION);
extern "C" const unsigned char records_end[] __asm__("__stop_" STILLPOINT_RECORDS_SECTION);

namespace {

namespace map = stillpoint::map;
namespace rt = stillpoint::rt;

constexpr int runs = 15;

template <class Work>
double median_time(std::uint64_t each, Work work) {
  std::array<double, runs> taken;
  for (double &one : taken) {
    std::uint64_t start = bench::now();
    work();
    one = static_cast<double>(bench::now() - start) / static_cast<double>(each);
  }
  std::sort(taken.begin(), taken.end());
  return taken[runs / 2];
}

// Addresses that are managed, from all of the text, in no order.
std::vector<std::uint64_t> managed_addresses() {
  std::mt19937_64 random(1);
  std::uniform_int_distribution<std::uintptr_t> any(reinterpret_cast<std::uintptr_t>(__executable_start),
                                                    reinterpret_cast<std::uintptr_t>(etext) - 1);
  std::vector<std::uint64_t> found;
  map::point at;
  while (found.size() < 4096)
    if (std::uintptr_t address = any(random); map::lookup(address, at) == map::status::ok)
      found.push_back(address);
  return found;
}

void measure_lookup() {
  map::reader_scope scope(rt::this_worker());
  const auto addresses = managed_addresses();
  std::uint64_t kinds = 0;
  double taken = median_time(addresses.size(), [&] {
    map::point at;
    for (std::uint64_t address : addresses) {
      map::lookup(address, at);
      kinds += at.kind;
    }
  });
  if (kinds == 0) {
    std::fprintf(stderr, "bench-lookup: no address is safe or pinned\n");
    std::exit(1);
  }
  auto functions = (records_end - records_begin) / static_cast<std::ptrdiff_t>(sizeof(stillpoint::abi::record));
  std::printf("lookup %.1f %td\n", taken, functions);
}

} // namespace

// Asks about its caller, a managed function, as if that had been interrupted where this call returns.
[[gnu::noinline]] int bench::at_the_bottom(int depth) {
  auto *frame = static_cast<const std::uintptr_t *>(__builtin_frame_address(0));
  rt::arch::walk_registers interrupted{frame[1], reinterpret_cast<std::uintptr_t>(frame + 2), frame[0]};
  const rt::worker &w = *rt::this_worker();
  constexpr std::uint64_t times = 2000;
  rt::preempt::stop_plan plan;
  auto why = stillpoint::refusal::none;
  double taken = median_time(times, [&] {
    for (std::uint64_t i = 0; i < times; ++i) {
      map::reader_scope scope(rt::this_worker());
      why = rt::preempt::is_async_safe_point(w, *w.current, interrupted, plan);
    }
  });
  if (why != stillpoint::refusal::none) {
    std::fprintf(stderr, "bench-lookup: the stack is refused: %s\n", to_string(why));
    std::exit(1);
  }
  std::printf("decision %d %.1f\n", depth, taken);
  return depth;
}

int main() { bench::run_tasks(measure_lookup); }
