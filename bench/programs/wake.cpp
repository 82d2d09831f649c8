// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How late a sleeper wakes behind a loop that never ends, on one processor (STILLPOINT_PROCS=1). go/wake/main.go is the same program in Go.
//
// Usage: bench-wake WAKES. Prints how late main woke from each sleep of a millisecond, in nanoseconds, one a line.
#include "clock.h"

#include <stillpoint/stillpoint.hpp>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <vector>

namespace {

std::atomic<std::uint64_t> turns{0};

void spin() {
  for (;;)
    turns.store(turns.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
}

std::vector<std::uint64_t> sleep_behind_it(std::size_t wakes) {
  constexpr std::uint64_t nap = 1'000'000;
  stillpoint::go(spin);
  std::vector<std::uint64_t> late;
  late.reserve(wakes);
  while (late.size() < wakes) {
    std::uint64_t start = bench::now();
    stillpoint::sleep_for(std::chrono::nanoseconds(nap));
    late.push_back(bench::now() - start - nap);
  }
  return late;
}

} // namespace

int main(int argc, char **argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: bench-wake WAKES\n");
    return 2;
  }
  std::vector<std::uint64_t> late;
  stillpoint::run([&] { late = sleep_behind_it(std::strtoull(argv[1], nullptr, 10)); });
  for (std::uint64_t nanoseconds : late)
    std::printf("%llu\n", static_cast<unsigned long long>(nanoseconds));
}
