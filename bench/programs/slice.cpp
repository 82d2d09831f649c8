// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Serves the kernels under the runtime, with and without slices (segments.h): two tasks on one processor do half of the rounds each. With
// slices they alternate, and every slice ends with a switch; without, the second begins when the first has ended.
//
// Mechanism: the length of the slice is changed inside one run(), through the runtime's own header: it is read on the worker's thread alone,
// when the scheduler's loop takes up a task, and that is the thread that we are on. "off" is a slice that never ends, for which the monitor
// does not wake. "again" is "off" once more: what the method itself cannot tell from nothing.
//
// Rejected: one task alone (the runtime signals nobody while nobody else could run, and the figure would be of nothing); a process for each
// length (see segments.h), or a run() for each (its new thread may begin on another CPU).
#include "segments.h"

#include "runtime/sched/scheduler.h"

#include <stillpoint/stillpoint.hpp>

#include <atomic>
#include <chrono>

namespace {

constexpr const char *names[] = {"off", "again", "10ms", "1ms", "100us"};
constexpr std::uint64_t no_slice = 1'000'000'000'000;
constexpr std::uint64_t slice_ns[] = {no_slice, no_slice, 10'000'000, 1'000'000, 100'000};
constexpr unsigned ways = std::size(names);
static_assert(ways == std::size(slice_ns));

// The tasks that do the work are new in every segment, so the length holds for them from their first moment.
bench::segment run_segment(unsigned way, kernel_function *run, std::uint64_t rounds) {
  stillpoint::rt::sched::active()->set.slice_ns = slice_ns[way];
  // By way of the scheduler's loop: tasks that follow each other directly go on in a slice that has begun.
  stillpoint::sleep_for(std::chrono::microseconds(1));
  const std::uint64_t stops = stillpoint::read_metrics().preemptions, wall = bench::now(), thread = bench::thread_time();
  std::atomic<std::uint64_t> checksum{0};
  stillpoint::wait_group halves;
  halves.add(2);
  for (const std::uint64_t half : {rounds / 2, rounds - rounds / 2})
    stillpoint::go([&checksum, &halves, run, half] {
      checksum.fetch_add(run(half), std::memory_order_relaxed);
      halves.done();
    });
  halves.wait();
  return {way, bench::now() - wall, bench::thread_time() - thread, stillpoint::read_metrics().preemptions - stops, checksum};
}

} // namespace

int main() {
  setenv("STILLPOINT_PROCS", "1", 1);
  unsetenv("STILLPOINT_DEBUG");
  bench::serve_segments(names, [](kernel_function *run, std::uint64_t rounds, std::uint64_t repetitions) {
    std::vector<bench::segment> taken;
    stillpoint::run([&] { taken = bench::take_turns(ways, repetitions, [&](unsigned way) { return run_segment(way, run, rounds); }); });
    return taken;
  });
}
