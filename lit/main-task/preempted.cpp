// main is preempted like any task, in a loop that calls nothing, and stays on its thread although others are idle; unlock_os_thread() does not
// untie it. (Hangs if nothing is preempted.)
// REQUIRES: runtime
// RUN: %stillpoint-clangxx -fplugin-arg-stillpoint-main=task -std=c++20 -O2 %s -o %t
// RUN: env STILLPOINT_PROCS=1 STILLPOINT_SLICE=100us %t | FileCheck %s
// RUN: env STILLPOINT_PROCS=2 STILLPOINT_SLICE=100us %t 3 | FileCheck %s
#include <stillpoint/stillpoint.hpp>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <sys/syscall.h>
#include <unistd.h>

static std::atomic<unsigned> ticks;
static thread_local unsigned before = 7;

int main(int count, char **words) {
  before = 8;
  for (int others = count > 1 ? std::atoi(words[1]) : 1; others > 0; --others)
    stillpoint::go([] {
      for (;;)
        ticks.store(ticks.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    });
  stillpoint::unlock_os_thread();
  bool moved = false;
  for (int i = 0; i < 100 || stillpoint::read_metrics().preemptions <= 20; ++i) {
    const unsigned seen = ticks;
    while (ticks.load(std::memory_order_relaxed) - seen < 100)
      ;
    moved |= syscall(SYS_gettid) != getpid() || before != 8;
  }
  std::printf("moved: %d\n", moved);
}
// CHECK: moved: 0
