// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a process costs in which every task sleeps: CPU time of all its threads over some seconds.
//
// Usage: bench-idle TASKS MILLISECONDS. Prints "CPU ELAPSED" in nanoseconds.
#include "clock.h"

#include <stillpoint/stillpoint.hpp>

#include <chrono>
#include <cstdio>
#include <cstdlib>

int main(int argc, char **argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: bench-idle TASKS MILLISECONDS\n");
    return 2;
  }
  const long tasks = std::strtol(argv[1], nullptr, 10);
  const std::chrono::milliseconds span(std::strtol(argv[2], nullptr, 10));
  stillpoint::run([&] {
    for (long i = 0; i < tasks; ++i)
      stillpoint::go([] { stillpoint::sleep_for(std::chrono::hours(1)); });
    stillpoint::sleep_for(std::chrono::milliseconds(200)); // all are asleep now
    std::uint64_t cpu = bench::process_time(), start = bench::now();
    stillpoint::sleep_for(span);
    cpu = bench::process_time() - cpu;
    std::printf("%llu %llu\n", static_cast<unsigned long long>(cpu), static_cast<unsigned long long>(bench::now() - start));
  });
}
