// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The processors that a control group allows, from files as the kernel writes them.
#include "cgroup.h"

#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <unistd.h>

namespace {

using stillpoint::rt::cgroup_processors;

class cgroup_test : public testing::Test {
protected:
  cgroup_test() {
    std::string name = std::filesystem::temp_directory_path() / "stillpoint-XXXXXX";
    root = mkdtemp(name.data());
  }
  ~cgroup_test() override { std::filesystem::remove_all(root); }

  void write(const std::string &path, const std::string &text) const {
    const std::filesystem::path whole = root + path;
    std::filesystem::create_directories(whole.parent_path());
    std::ofstream(whole) << text;
  }

  std::string root;
};

TEST_F(cgroup_test, nothing_is_known) {
  EXPECT_EQ(cgroup_processors(root), 0u);
  write("/proc/self/cgroup", "0::/here\n");
  EXPECT_EQ(cgroup_processors(root), 0u);
  write("/sys/fs/cgroup/here/cpu.max", "max 100000\n");
  EXPECT_EQ(cgroup_processors(root), 0u);
  write("/sys/fs/cgroup/here/cpu.max", "rubbish\n");
  EXPECT_EQ(cgroup_processors(root), 0u);
}

TEST_F(cgroup_test, version_2_is_rounded_up) {
  write("/proc/self/cgroup", "0::/here\n");
  for (const auto &[text, expected] :
       {std::pair("200000 100000\n", 2u), {"200001 100000\n", 3u}, {"1000 100000\n", 1u}, {"150000 100000", 2u}}) {
    write("/sys/fs/cgroup/here/cpu.max", text);
    EXPECT_EQ(cgroup_processors(root), expected) << text;
  }
}

TEST_F(cgroup_test, groups_above_limit_it_too) {
  write("/proc/self/cgroup", "0::/a/b/c\n");
  write("/sys/fs/cgroup/a/b/c/cpu.max", "800000 100000\n");
  write("/sys/fs/cgroup/a/cpu.max", "300000 100000\n");
  EXPECT_EQ(cgroup_processors(root), 3u);
}

TEST_F(cgroup_test, the_topmost_folder_of_a_container) {
  write("/proc/self/cgroup", "0::/\n");
  write("/sys/fs/cgroup/cpu.max", "400000 100000\n");
  EXPECT_EQ(cgroup_processors(root), 4u);
}

TEST_F(cgroup_test, version_1) {
  write("/proc/self/cgroup", "5:cpuset:/elsewhere\n4:cpu,cpuacct:/docker/1\n0::/\n");
  write("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "250000\n");
  write("/sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(cgroup_processors(root), 3u);
  write("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n");
  EXPECT_EQ(cgroup_processors(root), 0u);
}

} // namespace
