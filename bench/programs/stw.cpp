// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How long it takes to stop the world: two processors, tight loops on both, and a task that wakes now and then to stop them. Beside it the floor:
// a bare signal to a thread in a tight loop, until its handler has begun.
//
// Usage: stw STOPS. Prints "ours NANOSECONDS" or "signal NANOSECONDS" a line.
#include "clock.h"

#include "runtime/sched/world.h"
#include "test/sched/park_here.h"

#include <stillpoint/stillpoint.hpp>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <vector>

namespace {

using namespace std::chrono_literals;
namespace rt = stillpoint::rt;

std::atomic<bool> finish{false};

[[gnu::noinline]] void spin() {
  std::uint64_t turns = 0;
  while (!finish.load(std::memory_order_relaxed))
    asm volatile("" : "+r"(turns));
}

std::atomic<bool> arrived{false};

std::vector<std::uint64_t> bare_signals(int count) {
  struct sigaction action = {};
  action.sa_handler = [](int) { arrived.store(true, std::memory_order_release); };
  sigaction(SIGUSR1, &action, nullptr);
  std::atomic<int> id{0};
  std::thread target([&] {
    id = gettid();
    spin();
  });
  while (id == 0)
    ;
  std::vector<std::uint64_t> taken;
  for (int i = 0; i < count; ++i) {
    std::this_thread::sleep_for(500us);
    arrived = false;
    const std::uint64_t start = bench::now();
    ::syscall(SYS_tgkill, getpid(), id.load(), SIGUSR1);
    while (!arrived.load(std::memory_order_acquire))
      __builtin_ia32_pause();
    taken.push_back(bench::now() - start);
  }
  finish = true;
  target.join();
  finish = false;
  return taken;
}

bool stop_and_start(rt::task &, void *argument) noexcept {
  rt::processor &self = *rt::this_worker()->held;
  const std::uint64_t start = bench::now();
  if (rt::world::stop(self, 1'000'000'000)) {
    *static_cast<std::uint64_t *>(argument) = bench::now() - start;
    rt::world::start(self);
  }
  return false;
}

std::vector<std::uint64_t> stops(int count) {
  return stillpoint::run([count] {
    std::vector<std::uint64_t> taken;
    for (int i = 0; i < 2; ++i)
      stillpoint::go(spin);
    while (static_cast<int>(taken.size()) < count) {
      stillpoint::sleep_for(500us);
      std::uint64_t one = 0;
      stillpoint::test::park_here(stop_and_start, &one);
      if (one != 0)
        taken.push_back(one);
    }
    finish = true;
    return taken;
  });
}

} // namespace

int main(int argc, char **argv) {
  if (argc != 2 || std::atoi(argv[1]) < 1) {
    std::fprintf(stderr, "usage: %s STOPS\n", argv[0]);
    return 2;
  }
  const int count = std::atoi(argv[1]);
  for (const std::uint64_t one : bare_signals(count))
    std::printf("signal %lu\n", one);
  for (const std::uint64_t one : stops(count))
    std::printf("ours %lu\n", one);
}
