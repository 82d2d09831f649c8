// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Problem: a loop that works on a thread-local variable through an address that was computed before the loop (tls_counter.cpp). Not stopping
// it would let it keep its processor for ever; stopping it and moving it to another thread would corrupt that thread's variable.
//
// Mechanism: pinned points. The task is stopped like any other and resumes on the worker it left. Several tasks count on few workers; the
// sample shows that they were stopped while pinned and that no count was lost.
//
// Run it with, say, STILLPOINT_PROCS=2.
#include "tls_counter.h"

#include <stillpoint/stillpoint.hpp>

#include <cstdint>
#include <cstdio>

static int program() {
  constexpr int tasks = 6;
  constexpr std::uint64_t rounds = 100'000'000;
  constexpr int most_trials = 10; // until one of them was stopped inside the loop; one is enough unless the machine is very fast

  std::uint64_t expected = 0;
  for (int trial = 0; trial < most_trials && stillpoint::read_metrics().pinned_preemptions == 0; ++trial) {
    stillpoint::wait_group counting;
    for (int i = 0; i < tasks; ++i) {
      counting.add(1);
      stillpoint::go([&counting] {
        tls_counter::count(rounds);
        counting.done();
      });
    }
    counting.wait();
    expected += tasks * rounds;
  }

  const std::uint64_t counted = tls_counter::sum();
  const std::uint64_t pinned = stillpoint::read_metrics().pinned_preemptions;
  std::printf("preempted %llu times, %llu of them pinned\n", static_cast<unsigned long long>(stillpoint::read_metrics().preemptions),
              static_cast<unsigned long long>(pinned));
  std::printf("counted %llu of %llu: %s\n", static_cast<unsigned long long>(counted), static_cast<unsigned long long>(expected),
              counted == expected ? "none lost" : "WRONG");
  return counted == expected && pinned > 0 ? 0 : 1;
}

int main() { return stillpoint::run(program); }
