// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Serves the kernels under the runtime: two tasks on one processor share the rounds asked for, so that every slice ends with a switch
// between them. How long a slice is, or that there is none, the environment says (STILLPOINT_SLICE, STILLPOINT_DEBUG=asyncpreemptoff=1);
// the work and its checksum are the same in every case.
//
// Rejected: one task alone; the runtime signals nobody while nobody else could run, and the figure would be of nothing.
#include "clock.h"
#include "serve.h"

#include <stillpoint/stillpoint.hpp>

#include <algorithm>
#include <atomic>

namespace {

constexpr std::uint64_t most_units = 64;

// Rounds in units, taken by whichever task comes first.
struct job {
  kernel_function *run;
  std::uint64_t unit_rounds, units;
  std::atomic<std::uint64_t> next_unit{0};
  std::atomic<std::uint64_t> checksum{0};
  std::atomic<bool> helper_done{false};

  void work() {
    while (next_unit.fetch_add(1, std::memory_order_relaxed) < units)
      checksum.fetch_add(run(unit_rounds), std::memory_order_relaxed);
  }
};

bench::measured share(kernel_function *run, std::uint64_t rounds) {
  const std::uint64_t unit_rounds = std::max<std::uint64_t>(1, rounds / most_units);
  job all{.run = run, .unit_rounds = unit_rounds, .units = rounds / unit_rounds};
  bench::measured m{bench::now(), bench::thread_time(), bench::process_time(), stillpoint::read_metrics().preemptions, 0};
  stillpoint::go([&all] {
    all.work();
    all.helper_done.store(true, std::memory_order_release);
  });
  all.work();
  while (!all.helper_done.load(std::memory_order_acquire))
    stillpoint::yield();
  return {bench::now() - m.wall, bench::thread_time() - m.thread, bench::process_time() - m.process,
          stillpoint::read_metrics().preemptions - m.preemptions, all.checksum};
}

} // namespace

int main() {
  bench::serve([](kernel_function *run, std::uint64_t rounds) {
    bench::measured m;
    stillpoint::run([&] { m = share(run, rounds); });
    return m;
  });
}
