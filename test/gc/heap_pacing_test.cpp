// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Pacing is arithmetic: when collections begin, and what an allocating task owes.
#include "gc/pacing.h"

#include <gtest/gtest.h>

namespace stillpoint::rt::gc {
namespace {

constexpr std::uint64_t mib = std::uint64_t{1} << 20;

TEST(pacing, grows_by_its_percentage) {
  EXPECT_EQ(make_plan(100 * mib, 100, 0).goal / mib, 200u);
  EXPECT_EQ(make_plan(100 * mib, 50, 0).goal / mib, 150u);
  EXPECT_EQ(make_plan(100 * mib, 300, 0).goal / mib, 400u);
}

TEST(pacing, small_heaps_grow_by_the_least) {
  EXPECT_EQ(make_plan(0, 100, 0).goal, least_growth);
  EXPECT_EQ(make_plan(mib, 10, 0).goal, mib + least_growth);
}

TEST(pacing, begins_before_the_goal) {
  for (const std::uint64_t live : {std::uint64_t{0}, mib, 10 * mib, 1000 * mib, 100000 * mib})
    for (const int percent : {1, 10, 100, 1000}) {
      const plan p = make_plan(live, percent, 0);
      EXPECT_GE(p.trigger, 1u);
      EXPECT_GE(p.way, 1u);
      EXPECT_EQ(live + p.trigger + p.way, p.goal);
    }
}

TEST(pacing, the_limit_is_respected) {
  const plan p = make_plan(100 * mib, 100, 120 * mib);
  EXPECT_LT(p.goal, 120 * mib);
  EXPECT_GT(p.goal, 100 * mib);
  EXPECT_GT(make_plan(200 * mib, 100, 120 * mib).trigger, 0u);
}

TEST(pacing, off) {
  EXPECT_EQ(make_plan(100 * mib, -1, 0).trigger, no_goal);
  EXPECT_LT(make_plan(mib, -1, 64 * mib).goal, 64 * mib);
}

TEST(pacing, all_is_owed_at_the_end_of_the_way) {
  const plan p = make_plan(100 * mib, 100, 0);
  EXPECT_EQ(scan_owed(p, 100 * mib, 0), 0u);
  EXPECT_EQ(scan_owed(p, 100 * mib, p.way), 100 * mib);
  EXPECT_EQ(scan_owed(p, 100 * mib, p.way / 2), 50 * mib);
  EXPECT_EQ(scan_owed({no_goal, no_goal, 1}, UINT64_MAX, UINT64_MAX), UINT64_MAX);
}

} // namespace
} // namespace stillpoint::rt::gc
