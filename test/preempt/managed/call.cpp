// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The task that calls a kernel: managed, so that nothing foreign lies under the kernel's frames.
#include "test/preempt/managed/kernels.h"

namespace stillpoint::test {

extern "C" void call_kernel(void *job) {
  auto &j = *static_cast<kernel_job *>(job);
  j.result = j.what->run(j.seed, j.rounds);
}

} // namespace stillpoint::test
