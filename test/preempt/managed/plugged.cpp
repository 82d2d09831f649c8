// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A managed shared object that tests load and unload.
#include <cstdint>

extern "C" __attribute__((visibility("default"))) std::uint64_t plugged_work(std::uint64_t seed, unsigned rounds) {
  std::uint64_t sum = seed;
  for (unsigned i = 0; i < rounds; ++i)
    sum = sum * 6364136223846793005 + (sum >> 33) + i;
  return sum;
}
