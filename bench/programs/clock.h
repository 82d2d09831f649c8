// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The clocks that the benchmarks read.
#ifndef STILLPOINT_BENCH_CLOCK_H
#define STILLPOINT_BENCH_CLOCK_H

#include <cstdint>
#include <ctime>

namespace bench {

inline std::uint64_t read_clock(clockid_t clock) {
  timespec t;
  clock_gettime(clock, &t);
  return static_cast<std::uint64_t>(t.tv_sec) * 1'000'000'000u + static_cast<std::uint64_t>(t.tv_nsec);
}

inline std::uint64_t now() { return read_clock(CLOCK_MONOTONIC); }

// CPU time, user and system, of the calling thread and of the whole process.
inline std::uint64_t thread_time() { return read_clock(CLOCK_THREAD_CPUTIME_ID); }
inline std::uint64_t process_time() { return read_clock(CLOCK_PROCESS_CPUTIME_ID); }

} // namespace bench

#endif
