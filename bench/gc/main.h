// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the programs of this folder share: their command line and the line that they print.
//
// Usage: PROGRAM trees|gcbench DEPTH PROCESSORS [spin]. With "spin" a tight loop runs beside. Prints lines of a name and a number:
// "result", then "wall" and "cpu" of the work alone in nanoseconds, "peak" memory in KiB, and whatever is known of pauses, in
// nanoseconds.
#ifndef STILLPOINT_BENCH_GC_MAIN_H
#define STILLPOINT_BENCH_GC_MAIN_H

#include "bench/programs/clock.h"
#include "trees.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <sys/resource.h>

namespace bench {

struct arguments {
  bool trees = false;
  unsigned depth = 0, processors = 0;
  bool spin = false;
};

inline arguments read_arguments(int argc, char **argv) {
  arguments a;
  if (argc >= 4) {
    a.trees = std::strcmp(argv[1], "trees") == 0;
    a.depth = static_cast<unsigned>(std::atoi(argv[2]));
    a.processors = static_cast<unsigned>(std::atoi(argv[3]));
    a.spin = argc == 5 && std::strcmp(argv[4], "spin") == 0;
  }
  const bool known = argc >= 4 && (a.trees || std::strcmp(argv[1], "gcbench") == 0) && argc == 4 + a.spin;
  if (!known || a.depth < least_depth + 2 || a.depth > 24 || a.processors < 1) {
    std::fprintf(stderr, "usage: %s trees|gcbench DEPTH PROCESSORS [spin]\n", argv[0]);
    std::exit(2);
  }
  return a;
}

// Ends never. It keeps to itself, as any loop of a program might.
inline void spin_for_ever() {
  std::uint64_t turns = 0;
  for (;;)
    asm volatile("" : "+r"(turns));
}

template <class Memory>
void measure(const arguments &a) {
  const std::uint64_t wall = now(), cpu = process_time();
  const std::uint64_t result = a.trees ? trees<Memory>::run(a.depth) : gcbench<Memory>::run(a.depth);
  std::printf("result %lu\nwall %lu\ncpu %lu\n", result, now() - wall, process_time() - cpu);
  rusage used = {};
  getrusage(RUSAGE_SELF, &used);
  std::printf("peak %ld\n", used.ru_maxrss);
}

} // namespace bench

#endif
