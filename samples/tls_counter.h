// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A shared library with one counter per thread, for tls_loop.
#ifndef STILLPOINT_SAMPLES_TLS_COUNTER_H
#define STILLPOINT_SAMPLES_TLS_COUNTER_H

#include <cstdint>

namespace tls_counter {

// Adds 1 to the calling thread's counter, `rounds` times.
void count(std::uint64_t rounds);

// The sum over the counters of all threads. Call it when nobody counts.
std::uint64_t sum();

} // namespace tls_counter

#endif
