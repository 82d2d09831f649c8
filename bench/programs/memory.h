// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How much memory the process has touched.
#ifndef STILLPOINT_BENCH_MEMORY_H
#define STILLPOINT_BENCH_MEMORY_H

#include <cstdio>
#include <cstdlib>
#include <unistd.h>

namespace bench {

inline double resident_bytes() {
  std::FILE *const file = std::fopen("/proc/self/statm", "r");
  long total = 0;
  long resident = 0;
  if (!file || std::fscanf(file, "%ld %ld", &total, &resident) != 2)
    std::abort();
  std::fclose(file);
  return static_cast<double>(resident) * static_cast<double>(sysconf(_SC_PAGESIZE));
}

} // namespace bench

#endif
