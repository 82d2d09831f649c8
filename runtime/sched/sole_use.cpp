// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See sole_use.h.
#include "sched/sole_use.h"

#include "fatal.h"

#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace stillpoint::rt {
namespace {

bool membarrier(int command) noexcept { return ::syscall(SYS_membarrier, command, 0, 0) == 0; }

} // namespace

// The first time takes milliseconds if the process has other threads already; then it is free.
bool prepare_barriers() noexcept { return membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED); }

void this_process::barrier_everywhere() noexcept {
  if (!membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED))
    fatal("membarrier was refused after it had been granted");
}

} // namespace stillpoint::rt
