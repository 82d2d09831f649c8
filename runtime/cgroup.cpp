// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See cgroup.h.
//
// Problem: in a container the affinity mask has all the machine's CPUs, but the group's quota lets so many tasks run for part of each period
// only, and then stops all of them at once. Mechanism: /proc/self/cgroup names the group; cpu.max (version 2), or cpu.cfs_quota_us and
// cpu.cfs_period_us (version 1), give the limit, of which those of the groups above count as well. In a container the name may be that of the
// host, and only the topmost folder is there. Rejected: reading mountinfo for where the hierarchy is mounted (it is at /sys/fs/cgroup).
#include "cgroup.h"

#include <algorithm>
#include <fstream>
#include <sstream>

namespace stillpoint::rt {
namespace {

// CPUs by a quota in each period, rounded up; 0: none.
unsigned rounded_up(long long quota, long long period) {
  constexpr long long most = 1'000'000;
  if (quota <= 0 || period <= 0)
    return 0;
  return static_cast<unsigned>(std::clamp((quota - 1) / period + 1, 1LL, most));
}

unsigned limit_of_version_2(const std::string &folder) {
  std::ifstream file(folder + "/cpu.max"); // "max 100000" or "150000 100000"
  long long quota = 0, period = 0;
  return file >> quota >> period ? rounded_up(quota, period) : 0;
}

unsigned limit_of_version_1(const std::string &folder) {
  std::ifstream quota_file(folder + "/cpu.cfs_quota_us"), period_file(folder + "/cpu.cfs_period_us");
  long long quota = 0, period = 0; // quota -1: none
  return quota_file >> quota && period_file >> period ? rounded_up(quota, period) : 0;
}

// The least of the limits of a group and those above it.
unsigned least_limit(const std::string &mount, std::string group, unsigned (*limit_of)(const std::string &)) {
  unsigned least = 0;
  for (;;) {
    if (const unsigned limit = limit_of(mount + group); limit != 0)
      least = least == 0 ? limit : std::min(least, limit);
    if (group.empty())
      return least;
    const std::size_t end = group.find_last_of('/');
    group.resize(end == std::string::npos ? 0 : end);
  }
}

bool names_cpu(const std::string &controllers) {
  std::istringstream all(controllers);
  for (std::string one; std::getline(all, one, ',');)
    if (one == "cpu")
      return true;
  return false;
}

} // namespace

unsigned cgroup_processors(const std::string &root) {
  std::ifstream groups(root + "/proc/self/cgroup");
  unsigned least = 0;
  for (std::string line; std::getline(groups, line);) { // "0::/path", or "4:cpu,cpuacct:/path"
    const std::size_t first = line.find(':');
    const std::size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos)
      continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    std::string group = line.substr(second + 1);
    if (group.empty() || group.back() == '/')
      group.resize(group.empty() ? 0 : group.size() - 1);
    const unsigned limit = controllers.empty()      ? least_limit(root + "/sys/fs/cgroup", group, limit_of_version_2)
                           : names_cpu(controllers) ? least_limit(root + "/sys/fs/cgroup/cpu", group, limit_of_version_1)
                                                    : 0;
    if (limit != 0)
      least = least == 0 ? limit : std::min(least, limit);
  }
  return least;
}

} // namespace stillpoint::rt
