// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Problem: some code must not be stopped in the middle, whatever the monitor wants. This is tight_loop's twin: the same loop, in a function
// that says so.
//
// Mechanism: [[stillpoint::nosplit]] makes every point of the function unsafe (Go's //go:nosplit). The signal arrives, the handler looks the
// PC up, refuses, and the request stays pending. So main, on the only processor, sleeps for 5 ms and wakes when the loop has ended itself.
//
// Invariant shown: main never sees the function begun and not ended. That holds without looking at a clock, so a slow machine cannot break it.
//
// Run it with STILLPOINT_PROCS=1.
#include <stillpoint/stillpoint.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>

using namespace std::chrono_literals;

constexpr std::uint64_t rounds = std::uint64_t{1} << 29; // a few hundred milliseconds

// Not static: the compiler must not know that nobody else reads and writes them. The start is odd, so that this loop ends.
std::atomic<std::uint64_t> start{2 * rounds + 1};
std::atomic<std::uint64_t> shown{0};
std::atomic<bool> begun{false};
std::atomic<bool> ended{false};

extern "C" [[stillpoint::nosplit, gnu::noinline]] void bounded_loop() {
  begun.store(true, std::memory_order_relaxed);
  std::uint64_t u = start.load(std::memory_order_relaxed);
  do {
    u -= 2;
    shown.store(u, std::memory_order_relaxed);
  } while (u != 1);
  ended.store(true, std::memory_order_relaxed);
}

static std::uint64_t refused_as_unsafe() {
  return stillpoint::read_metrics().refusals[static_cast<std::size_t>(stillpoint::refusal::unsafe_point)];
}

// One trial; false if main ran in the middle of the function.
static bool main_was_kept_away() {
  begun.store(false, std::memory_order_relaxed);
  ended.store(false, std::memory_order_relaxed);
  const auto before = std::chrono::steady_clock::now();
  stillpoint::go(bounded_loop);
  do
    stillpoint::sleep_for(5ms);
  while (!begun.load(std::memory_order_relaxed));
  const bool whole = ended.load(std::memory_order_relaxed);
  const std::chrono::duration<double, std::milli> slept = std::chrono::steady_clock::now() - before;
  std::printf("main slept for 5 ms and woke after %.0f ms, when the loop had %s\n", slept.count(), whole ? "ended itself" : "NOT ended");
  return whole;
}

static int program() {
  // One trial is enough, unless the monitor thread itself got no time to ask.
  constexpr int most_trials = 10;
  for (int trial = 0; trial < most_trials; ++trial) {
    if (!main_was_kept_away())
      return 1;
    if (refused_as_unsafe() > 0)
      break;
  }
  const stillpoint::metrics counted = stillpoint::read_metrics();
  for (std::size_t reason = 1; reason < static_cast<std::size_t>(stillpoint::refusal::count); ++reason)
    if (counted.refusals[reason] != 0)
      std::printf("refused, %s: %llu\n", stillpoint::to_string(static_cast<stillpoint::refusal>(reason)),
                  static_cast<unsigned long long>(counted.refusals[reason]));
  return refused_as_unsafe() > 0 ? 0 : 1;
}

int main() { return stillpoint::run(program); }
