// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Managed functions that compute a number from a seed, each leaning on another part of the machine. The number must not depend on how often
// and where the function was stopped. kernels.cpp is compiled several ways, each under a name of its own.
#ifndef STILLPOINT_TEST_PREEMPT_MANAGED_KERNELS_H
#define STILLPOINT_TEST_PREEMPT_MANAGED_KERNELS_H

#include <cstdint>
#include <span>

namespace stillpoint::test {

struct kernel {
  const char *name;
  std::uint64_t (*run)(std::uint64_t seed, unsigned rounds);
  bool (*supported)(); // by this processor
};

// At -O2 as position-independent code, at -O2 for an executable, at -O0, and at -O1 with frame pointers.
namespace kernels_pic {
std::span<const kernel> all();
}
namespace kernels_pie {
std::span<const kernel> all();
}
namespace kernels_o0 {
std::span<const kernel> all();
}
namespace kernels_fp {
std::span<const kernel> all();
}

// One call of a kernel as a task's entry: void call_kernel(void *job). Managed itself.
struct kernel_job {
  const kernel *what = nullptr;
  std::uint64_t seed = 0;
  unsigned rounds = 0;
  std::uint64_t result = 0;
};
extern "C" void call_kernel(void *job);

} // namespace stillpoint::test

#endif
