// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Compares ways of running a kernel inside one process, in short segments that take turns.
//
// Problem: a hundredth of a percent is to be told from a machine whose speed wanders by percents; and two processes differ by more than that
// for no better reason than where their pages happen to lie.
// Mechanism: the same thread runs the same code in the same memory, again and again; between every two segments of the ways to be compared
// lies one of the base, so each has a neighbour on both sides to be divided by. The order of the ways changes with every repetition.
// Invariant: the ways differ by nothing but what `prepare` switches.
//
// Protocol: a line "KERNEL ROUNDS REPETITIONS" on standard input; for every segment a line "WAY WALL THREAD STOPS CHECKSUM" back, times in
// nanoseconds; then a line "end". The first and the last segment, and every other one, are of way 0.
#ifndef STILLPOINT_BENCH_SEGMENTS_H
#define STILLPOINT_BENCH_SEGMENTS_H

#include "clock.h"
#include "serve.h"

#include <iterator>
#include <vector>

namespace bench {

struct segment {
  unsigned way;
  std::uint64_t wall, thread, stops, checksum;
};

// Way 0, then for each repetition all other ways, each with way 0 behind it. `one(way)` runs one segment.
template <class One>
std::vector<segment> take_turns(unsigned ways, std::uint64_t repetitions, One one) {
  std::vector<segment> taken;
  taken.reserve(1 + repetitions * 2 * (ways - 1));
  taken.push_back(one(0u));
  for (std::uint64_t repetition = 0; repetition < repetitions; ++repetition)
    for (unsigned i = 0; i < ways - 1; ++i) {
      taken.push_back(one(1 + static_cast<unsigned>((repetition + i) % (ways - 1))));
      taken.push_back(one(0u));
    }
  return taken;
}

// Answers requests until the input ends: `all(kernel, rounds, repetitions)` runs the segments of one.
template <class All>
void serve_segments(const char *const *names, All all) {
  char kernel[64];
  std::uint64_t rounds, repetitions;
  while (std::scanf("%63s %" SCNu64 " %" SCNu64, kernel, &rounds, &repetitions) == 3) {
    for (const segment &s : all(find_kernel(kernel), rounds, repetitions))
      std::printf("%s %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", names[s.way], s.wall, s.thread, s.stops, s.checksum);
    std::puts("end");
    std::fflush(stdout);
  }
}

} // namespace bench

#endif
