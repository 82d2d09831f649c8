// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A program that runs kernels on request, so that the driver can keep several of them (without slices, with slices of each length, with
// polls) alive at once and ask them in turn: what disturbs the machine then disturbs all alike.
//
// Protocol: a line "KERNEL ROUNDS" on standard input; a line "WALL THREAD PROCESS PREEMPTIONS CHECKSUM" back, times in nanoseconds:
// elapsed, CPU time of the thread(s) that ran the kernel, CPU time of the whole process. End of input ends the program.
#ifndef STILLPOINT_BENCH_SERVE_H
#define STILLPOINT_BENCH_SERVE_H

#include "../kernels/kernels.h"

#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace bench {

struct measured {
  std::uint64_t wall, thread, process, preemptions, checksum;
};

// Ends the program with a message if there is no such kernel.
inline kernel_function *find_kernel(const char *name) {
  for (const kernel *k = kernels; k->name; ++k)
    if (!std::strcmp(k->name, name))
      return k->run;
  std::fprintf(stderr, "no kernel is called '%s'\n", name);
  std::exit(2);
}

template <class Run>
void serve(Run run) {
  char name[64];
  std::uint64_t rounds;
  while (std::scanf("%63s %" SCNu64, name, &rounds) == 2) {
    measured m = run(find_kernel(name), rounds);
    std::printf("%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", m.wall, m.thread, m.process, m.preemptions, m.checksum);
    std::fflush(stdout);
  }
}

} // namespace bench

#endif
