// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The share of the machine's CPUs that the process's control group may use.
#ifndef STILLPOINT_RUNTIME_CGROUP_H
#define STILLPOINT_RUNTIME_CGROUP_H

#include <string>

namespace stillpoint::rt {

// CPUs, rounded up, at least 1; 0: no limit, or nobody knows. `root` is put before /proc and /sys: tests have their own.
unsigned cgroup_processors(const std::string &root = {});

} // namespace stillpoint::rt

#endif
