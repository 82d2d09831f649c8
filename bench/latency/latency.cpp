// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How long from asking for a preemption to the scheduler running, when the task is in a tight loop; the floor (floor.h) in turns with it.
//
// Mechanism: two tasks in the same loop on one processor (so each stop ends in a real switch), asked from this thread by the call that the
// monitor uses; the runtime's observer tells when the scheduler's stack was reached. A request that was refused is made again, and the
// time runs on from the first.
// Invariants: one of the two, floor or tasks, spins at a time; the other sleeps. Nothing else asks for preemption (the slice is longer
// than the run).
// Usage: bench-latency PAIRS REQUESTS. Prints for each pair of blocks "FLOOR_P50 FLOOR_P99 OURS_P50 OURS_P99 REFUSED REQUESTS",
// times in nanoseconds.
//
// Rejected: measuring the monitor's ticks; when they should have come nobody knows to the microsecond.
#include "floor.h"

#include "../programs/clock.h"
#include "runtime/sched/core.h"

#include <stillpoint/stillpoint.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <numeric>
#include <thread>
#include <unistd.h>
#include <vector>

namespace {

namespace rt = stillpoint::rt;

constexpr int task_count = 2;
constexpr std::uint64_t block_limit = 200'000'000; // nanoseconds: on a busy machine a block has fewer requests
constexpr std::uint64_t patience = 200'000;        // nanoseconds until a request is made again

std::atomic<bool> spinning{false}, ending{false};
std::atomic<int> begun{0}, inside{0}; // tasks; tasks in the loop
std::atomic<std::uint64_t> turns{0};
std::atomic<std::uint64_t> arrived_at{0};
std::atomic<rt::worker *> spinner{nullptr};

[[gnu::noinline]] void tight_loop() {
  while (spinning.load(std::memory_order_relaxed))
    turns.store(turns.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
}

void spin_when_asked() {
  using namespace std::chrono_literals;
  ++begun;
  while (!ending) {
    if (!spinning) {
      stillpoint::sleep_for(1ms);
      continue;
    }
    spinner = rt::this_worker();
    ++inside;
    tight_loop();
    --inside;
  }
}

void set_spinning(bool spin) {
  spinning = spin;
  while (inside != (spin ? task_count : 0))
    usleep(100);
}

void observe(std::uint64_t, std::uint64_t entered) { arrived_at.store(entered, std::memory_order_release); }

// Nothing is sent if the worker is between two tasks, or a signal is on its way already.
void ask() {
  rt::worker &w = *spinner;
  rt::task *current = *const_cast<rt::task *volatile *>(&w.current); // the worker writes it: a stale one is refused, and asked again
  if (current)
    rt::preempt::request(w, *current);
}

std::uint64_t interrupt() {
  arrived_at = 0;
  std::uint64_t before = bench::now(), ask_again = 0;
  for (std::uint64_t at = before; !arrived_at.load(std::memory_order_acquire); at = bench::now())
    if (at >= ask_again) {
      ask();
      ask_again = at + patience;
    }
  std::uint64_t taken = arrived_at - before;
  for (std::uint64_t seen = turns.load(); turns.load() < seen + 100;)
    ;
  return taken;
}

std::uint64_t refusals() {
  const auto &by_reason = stillpoint::read_metrics().refusals;
  return std::accumulate(std::begin(by_reason), std::end(by_reason), std::uint64_t{0});
}

std::uint64_t percentile(const std::vector<std::uint64_t> &sorted, std::size_t percent) { return sorted[sorted.size() * percent / 100]; }

template <class Interrupt>
std::vector<std::uint64_t> block(std::size_t requests, Interrupt one) {
  std::vector<std::uint64_t> taken;
  taken.reserve(requests);
  std::uint64_t end = bench::now() + block_limit;
  while (taken.size() < requests && (taken.size() < 100 || bench::now() < end))
    taken.push_back(one());
  std::sort(taken.begin(), taken.end());
  return taken;
}

void measure(long pairs, std::size_t requests) {
  for (long pair = 0; pair < pairs; ++pair) {
    bench::floor::set_spinning(true);
    auto floor = block(requests, bench::floor::interrupt);
    bench::floor::set_spinning(false);
    std::uint64_t refused = refusals();
    set_spinning(true);
    auto ours = block(requests, interrupt);
    set_spinning(false);
    refused = refusals() - refused;
    std::printf("%lu %lu %lu %lu %lu %zu\n", percentile(floor, 50), percentile(floor, 99), percentile(ours, 50), percentile(ours, 99),
                refused, ours.size());
  }
}

} // namespace

int main(int argc, char **argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: bench-latency PAIRS REQUESTS\n");
    return 2;
  }
  setenv("STILLPOINT_PROCS", "1", 1);
  setenv("STILLPOINT_SLICE", "1000s", 1);
  rt::preempt::stop_observer = observe;
  bench::floor::start();
  std::thread runtime([] {
    stillpoint::run([] {
      stillpoint::go(spin_when_asked);
      spin_when_asked();
    });
  });
  while (begun != task_count) // before the first loop: a task that has not begun waits for the end of a slice
    usleep(100);
  measure(std::strtol(argv[1], nullptr, 10), std::strtoull(argv[2], nullptr, 10));
  ending = true;
  runtime.join();
}
