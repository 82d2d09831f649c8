// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// With one processor this ends only if the loop in work.c is stopped.
#include "work.h"

#include <stillpoint/stillpoint.hpp>

#include <chrono>
#include <cstdio>

static int stop = 0;

int main() {
  return stillpoint::run([] {
    stillpoint::wait_group done;
    done.add();
    stillpoint::go([&] {
      std::printf("stopped after some rounds: %d\n", work_until(&stop) > 0);
      done.done();
    });
    stillpoint::sleep_for(std::chrono::milliseconds(2));
    __atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
    done.wait();
    return 0;
  });
}
