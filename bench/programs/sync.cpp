// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Locks and timers, the same work as go/sync/main.go: lock and unlock by one task, by two and by eight; 100,000 sleepers whose times are
// spread over half a second, and as many with one time for all.
//
// Usage: sync PAIRS SLEEPERS. Prints a line for each figure: its name and nanoseconds.
#include "clock.h"

#include <stillpoint/stillpoint.hpp>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <vector>

namespace {

// Nanoseconds for each lock and unlock, over all tasks.
double mutex_pairs(int tasks, long pairs) {
  stillpoint::mutex m;
  stillpoint::wait_group ended;
  long counter = 0;
  const std::uint64_t start = bench::now();
  for (int t = 0; t < tasks; ++t) {
    ended.add();
    stillpoint::go([&, share = pairs / tasks] {
      for (long i = 0; i < share; ++i) {
        m.lock();
        ++counter;
        m.unlock();
      }
      ended.done();
    });
  }
  ended.wait();
  const auto taken = static_cast<double>(bench::now() - start);
  if (counter != pairs / tasks * tasks)
    std::abort();
  return taken / static_cast<double>(counter);
}

// How late each of `count` sleepers woke, sorted; their times lie `apart` ns apart, the first a second from now.
std::vector<std::uint64_t> lateness(long count, double apart) {
  std::vector<std::uint64_t> late(static_cast<std::size_t>(count));
  stillpoint::wait_group ended;
  ended.add(count);
  const std::uint64_t first = bench::now() + 1'000'000'000;
  for (long i = 0; i < count; ++i)
    stillpoint::go({.stack_size = 16 << 10}, [&, i, when = first + static_cast<std::uint64_t>(static_cast<double>(i) * apart)] {
      stillpoint::sleep_until(std::chrono::steady_clock::time_point(std::chrono::nanoseconds(when)));
      late[static_cast<std::size_t>(i)] = bench::now() - when;
      ended.done();
    });
  ended.wait();
  std::sort(late.begin(), late.end());
  return late;
}

void print(const char *name, double ns) { std::printf("%s %.1f\n", name, ns); }

} // namespace

int main(int argc, char **argv) {
  if (argc != 3 || std::atol(argv[1]) < 8 || std::atol(argv[2]) < 100) {
    std::fprintf(stderr, "usage: %s PAIRS SLEEPERS\n", argv[0]);
    return 2;
  }
  const long pairs = std::atol(argv[1]), sleepers = std::atol(argv[2]);
  stillpoint::run([&] {
    print("mutex.uncontended", mutex_pairs(1, pairs));
    print("mutex.contended2", mutex_pairs(2, pairs));
    print("mutex.contended8", mutex_pairs(8, pairs));
    const std::vector<std::uint64_t> spread = lateness(sleepers, 0.5e9 / static_cast<double>(sleepers));
    print("timers.lateness.p50", static_cast<double>(spread[spread.size() / 2]));
    print("timers.lateness.p99", static_cast<double>(spread[spread.size() * 99 / 100]));
    print("timers.burst", static_cast<double>(lateness(sleepers, 0).back()));
  });
}
