// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How long from asking for a preemption to the scheduler running, when the task spends its time in foreign functions.
//
// Mechanism: two tasks in the same loop on one processor, asked from this thread as the monitor does: again after 20 us, then twice as long, up to every
// millisecond. The runtime's observer tells when the scheduler's stack was reached. Between two requests the tasks run for a moment, so that requests
// find the loop anywhere. A task that has not stopped after `patience` is taken for one that stopped then.
// Invariants: nothing else asks for preemption (the slice is longer than the run).
// Usage: bench-foreign REQUESTS. Prints for each loop "NAME P50 P99 REQUESTS", times in nanoseconds. With STILLPOINT_DEBUG=returntraps=0 for the other half.
//
// Rejected: measuring slices (the monitor's own lateness would be in it).
#include "../programs/clock.h"
#include "runtime/sched/core.h"

#include <stillpoint/stillpoint.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <numeric>
#include <thread>
#include <unistd.h>
#include <vector>

namespace {

namespace rt = stillpoint::rt;

constexpr std::uint64_t first_backoff = 20'000, last_backoff = 1'000'000, patience = 50'000'000; // nanoseconds
constexpr std::uint64_t block_limit = 3'000'000'000;
constexpr std::size_t copied = 1 << 20;

std::atomic<void (*)()> round_of{nullptr}; // null: sleep
std::atomic<bool> ending{false};
std::atomic<int> begun{0}, inside{0};
std::atomic<std::uint64_t> arrived_at{0};
std::atomic<rt::worker *> spinner{nullptr};

char from[copied], to[copied];

void copy() {
  std::memcpy(to, from, copied);
  asm volatile("" : : "r"(to) : "memory"); // somebody reads it
}

void allocate() {
  void *volatile const block = std::malloc(100);
  std::free(block);
}

void sort() {
  int numbers[1000];
  std::iota(std::begin(numbers), std::end(numbers), 0);
  std::reverse(std::begin(numbers), std::end(numbers));
  std::qsort(numbers, std::size(numbers), sizeof(int),
             [](const void *a, const void *b) { return *static_cast<const int *>(a) - *static_cast<const int *>(b); });
}

void loop_when_asked() {
  using namespace std::chrono_literals;
  ++begun;
  while (!ending) {
    if (!round_of.load()) {
      stillpoint::sleep_for(1ms);
      continue;
    }
    spinner = rt::this_worker();
    ++inside;
    while (void (*const round)() = round_of.load(std::memory_order_relaxed))
      round();
    --inside;
  }
}

void nothing() { asm volatile(""); }

// Both tasks get into a loop that is stopped easily, and go on to the one that may not be.
void set_round(void (*round)()) {
  round_of = round ? nothing : nullptr;
  while (inside != (round ? 2 : 0)) // who sleeps is let in when its time has come
    usleep(1000);
  round_of = round;
}

void observe(std::uint64_t, std::uint64_t entered) { arrived_at.store(entered, std::memory_order_release); }

std::uint64_t interrupt() {
  arrived_at = 0;
  const std::uint64_t before = bench::now();
  std::uint64_t ask_again = 0, backoff = first_backoff;
  for (std::uint64_t at = before; !arrived_at.load(std::memory_order_acquire) && at - before < patience; at = bench::now())
    if (at >= ask_again) {
      rt::worker &w = *spinner;
      if (rt::task *const current = *const_cast<rt::task *volatile *>(&w.current))
        rt::preempt::request(w, *current);
      ask_again = at + backoff;
      backoff = std::min(2 * backoff, last_backoff);
    }
  const std::uint64_t arrived = arrived_at;
  return arrived ? arrived - before : patience;
}

void measure(const char *name, void (*round)(), std::size_t requests) {
  set_round(round);
  std::vector<std::uint64_t> taken;
  const std::uint64_t end = bench::now() + block_limit;
  while (taken.size() < requests && bench::now() < end) {
    usleep(static_cast<unsigned>(50 + taken.size() * 37 % 200)); // anywhere in the loop
    taken.push_back(interrupt());
  }
  set_round(nullptr);
  std::sort(taken.begin(), taken.end());
  std::printf("%s %lu %lu %zu\n", name, taken[taken.size() / 2], taken[taken.size() * 99 / 100], taken.size());
}

} // namespace

int main(int argc, char **argv) {
  if (argc != 2 || std::strtoull(argv[1], nullptr, 10) == 0) {
    std::fprintf(stderr, "usage: bench-foreign REQUESTS\n");
    return 2;
  }
  setenv("STILLPOINT_PROCS", "1", 1);
  setenv("STILLPOINT_SLICE", "1000s", 1);
  rt::preempt::stop_observer = observe;
  std::thread runtime([] {
    stillpoint::run([] {
      stillpoint::go(loop_when_asked);
      loop_when_asked();
    });
  });
  while (begun != 2) // before the first loop: a task that has not begun waits for the end of a slice
    usleep(1000);
  const std::size_t requests = std::strtoull(argv[1], nullptr, 10);
  measure("copy", copy, requests);
  measure("allocate", allocate, requests);
  measure("sort", sort, requests);
  ending = true;
  runtime.join();
}
