// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a voluntary switch and a new task cost, on one processor (STILLPOINT_PROCS=1).
//
// Usage: bench-switch COUNT. Prints "YIELD SPAWN": nanoseconds for a yield from one of two tasks to the other, and for a task made, run
// and ended.
#include "clock.h"

#include <stillpoint/stillpoint.hpp>

#include <atomic>
#include <cstdio>
#include <cstdlib>

namespace {

std::uint64_t yields(std::uint64_t count) {
  std::atomic<bool> stop{false}, stopped{false};
  stillpoint::go([&] {
    while (!stop.load(std::memory_order_relaxed))
      stillpoint::yield();
    stopped = true;
  });
  stillpoint::yield();
  std::uint64_t start = bench::now();
  for (std::uint64_t i = 0; i < count; ++i)
    stillpoint::yield();
  std::uint64_t taken = bench::now() - start;
  stop = true;
  while (!stopped)
    stillpoint::yield();
  return taken / (2 * count);
}

std::uint64_t spawns(std::uint64_t count) {
  constexpr std::uint64_t at_once = 64;
  std::atomic<std::uint64_t> ended{0};
  std::uint64_t start = bench::now();
  for (std::uint64_t made = 0; made < count; made += at_once) {
    for (std::uint64_t i = 0; i < at_once; ++i)
      stillpoint::go([&ended] { ended.fetch_add(1, std::memory_order_relaxed); });
    while (ended.load(std::memory_order_relaxed) < made + at_once)
      stillpoint::yield();
  }
  return (bench::now() - start) / (count / at_once * at_once);
}

} // namespace

int main(int argc, char **argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: bench-switch COUNT\n");
    return 2;
  }
  const std::uint64_t count = std::strtoull(argv[1], nullptr, 10);
  std::uint64_t yield_ns = 0, spawn_ns = 0;
  stillpoint::run([&] {
    yield_ns = yields(count);
    spawn_ns = spawns(count);
  });
  std::printf("%llu %llu\n", static_cast<unsigned long long>(yield_ns), static_cast<unsigned long long>(spawn_ns));
}
