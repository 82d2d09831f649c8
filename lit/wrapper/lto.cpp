// Link-time optimisation: the wrapper gives the linker the plugin. A link without it makes code without tables: run() says so.
// REQUIRES: runtime
// RUN: %stillpoint-clangxx -flto=thin -std=c++20 -O2 %s -o %t
// RUN: env STILLPOINT_PROCS=1 %t 2>&1 | FileCheck %s
// RUN: %stillpoint-clangxx -flto -std=c++20 -O2 -c %s -o %t.o && %stillpoint-clangxx -fuse-ld=lld %t.o -o %t
// RUN: env STILLPOINT_PROCS=1 %t 2>&1 | FileCheck %s
// RUN: %sp-clangxx -I %include -flto=thin -fuse-ld=lld -std=c++20 -O2 %s -o %t -L %runtime -lstillpoint -Wl,-rpath,%runtime
// RUN: %t stop 2>&1 | FileCheck %s --check-prefix=WITHOUT
#include <stillpoint/stillpoint.hpp>

#include <atomic>
#include <cstdio>

static std::atomic<bool> stop;

int main(int count, char **) {
  return stillpoint::run([count] {
    stillpoint::go([] {
      while (!stop.load(std::memory_order_relaxed))
        ;
    });
    if (count == 1)
      stillpoint::sleep_for(std::chrono::milliseconds(2));
    stop = true;
    std::puts("done");
    return 0;
  });
}
// CHECK-NOT: stillpoint:
// CHECK: done
// WITHOUT: stillpoint: no code of this program can be stopped: link-time optimisation generated it without the plugin
// WITHOUT-NOT: stillpoint:
// WITHOUT: done
