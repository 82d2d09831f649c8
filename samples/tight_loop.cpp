// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Problem: one processor, one task in a loop that never ends and calls nothing. Before Go 1.14 such a loop kept its processor for ever: main,
// asleep for 5 ms, never woke up, and its line was never printed. This is that program.
//
// Mechanism: none in the source. The loop holds no check and no call; when main's timer is due, the runtime sends SIGURG to the loop's
// thread, finds in the compiler's tables that the task may be stopped at that very instruction, and lets main run.
//
// Run it with STILLPOINT_PROCS=1; with more processors main would not need the loop's.
//
// Rejected: a plain integer instead of the atomic. A C++ loop without an observable effect may be deleted as one that has to end. A relaxed
// store is such an effect, and one MOV.
#include <stillpoint/stillpoint.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>

using namespace std::chrono_literals;

// Not static: the compiler must not know that nobody else reads and writes them. The start is even, so the loop never meets 1.
std::atomic<std::uint64_t> start{0};
std::atomic<std::uint64_t> shown{0};

// The whole point: nothing in here but arithmetic, a store, a comparison and a jump. Exported, so that `stillpoint-objdump
// --function=endless_loop` finds it.
extern "C" [[gnu::noinline]] void endless_loop() {
  std::uint64_t u = start.load(std::memory_order_relaxed);
  do {
    u -= 2;
    shown.store(u, std::memory_order_relaxed);
  } while (u != 1);
}

static int program() {
  stillpoint::go(endless_loop);
  stillpoint::sleep_for(5ms); // main gives its processor to the loop

  std::puts("go 1.13 has never been here");

  // The loop goes on where it was stopped, as often as main asks for a moment.
  constexpr int naps = 20;
  std::uint64_t before = shown.load(std::memory_order_relaxed);
  int advances = 0;
  for (int nap = 0; nap < naps; ++nap) {
    stillpoint::sleep_for(1ms);
    const std::uint64_t now = shown.load(std::memory_order_relaxed);
    advances += now != before;
    before = now;
  }
  const std::uint64_t rounds = (start.load(std::memory_order_relaxed) - before) / 2;
  std::printf("the loop was preempted %llu times, went on after %d of %d naps, and is now in round %llu\n",
              static_cast<unsigned long long>(stillpoint::read_metrics().preemptions), advances, naps,
              static_cast<unsigned long long>(rounds));
  return advances > 0 && stillpoint::read_metrics().preemptions > 0 ? 0 : 1;
}

int main() { return stillpoint::run(program); }
