// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Serves the kernels with no runtime at all: linked once with kernels as the compiler makes them and once with kernels full of polls.
#include "clock.h"
#include "serve.h"

int main() {
  bench::serve([](kernel_function *run, std::uint64_t rounds) {
    std::uint64_t wall = bench::now(), thread = bench::thread_time(), process = bench::process_time();
    std::uint64_t checksum = run(rounds);
    return bench::measured{bench::now() - wall, bench::thread_time() - thread, bench::process_time() - process, 0, checksum};
  });
}
