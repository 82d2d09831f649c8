// Without a dynamic linker: the runtime still stands in front of the C library's locks and of the guards of local statics, and finds those behind it.
// A program that is linked by hand, without asking for that, is told so at its first lock.
// REQUIRES: runtime
// RUN: %stillpoint-clangxx -static -std=c++20 -O2 %s -o %t
// RUN: env STILLPOINT_PROCS=1 STILLPOINT_SLICE=100us %t | FileCheck %s
// RUN: %stillpoint-clangxx -static-pie -std=c++20 -O2 %s -o %t
// RUN: env STILLPOINT_PROCS=1 STILLPOINT_SLICE=100us %t | FileCheck %s
// RUN: %sp-clangxx -I %include -static -std=c++20 -O2 %s -o %t -L %runtime -lstillpoint
// RUN: not --crash %t 2>&1 | FileCheck %s --check-prefix=BY-HAND
#include <stillpoint/stillpoint.hpp>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <mutex>
#include <shared_mutex>
#include <stdexcept>
#include <thread>
#include <vector>

static std::atomic<unsigned> ticks;
static int attempts = 0;

struct slow {
  slow() {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    if (++attempts < 3)
      throw std::runtime_error("not yet");
  }
  int value = 7;
};

static int value_of_static() {
  for (;;)
    try {
      static slow only;
      return only.value;
    } catch (const std::runtime_error &) {
    }
}

// Whether nobody else ran while this task held the lock for several slices.
template <class Lock>
static bool undisturbed(Lock &lock) {
  lock.lock();
  const unsigned before = ticks;
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(3);
  while (std::chrono::steady_clock::now() < end)
    ;
  const bool same = ticks == before;
  lock.unlock();
  return same;
}

int main() {
  std::vector<std::thread> threads;
  std::atomic<int> sum = 0;
  for (int i = 0; i != 4; ++i)
    threads.emplace_back([&] { sum += value_of_static(); });
  for (std::thread &t : threads)
    t.join();
  std::printf("local static: %d of 28, %d attempts\n", sum.load(), attempts);
  return stillpoint::run([] {
    stillpoint::go([] {
      for (;;)
        ticks.store(ticks.load() + 1);
    });
    while (ticks.load(std::memory_order_relaxed) == 0)
      ; // preempted here, or this never ends
    std::mutex mutex;
    std::shared_mutex shared;
    std::printf("held: %d %d\n", undisturbed(mutex), undisturbed(shared));
    const unsigned before = ticks;
    while (ticks.load(std::memory_order_relaxed) == before)
      ;
    std::puts("and preempted again");
    return 0;
  });
}

// CHECK: local static: 28 of 28, 3 attempts
// CHECK: held: 1 1
// CHECK: and preempted again
// BY-HAND: stillpoint: the C library has no {{.*}}; a program that is linked with -static wants -Wl,--undefined=__stillpoint_static_names
