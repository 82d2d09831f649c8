// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The real scheduler, thousands of stops, and every result bit for bit what an undisturbed call gives: on one processor, and on several, where
// tasks migrate. Bounded by time; how many stops fit into it depends on the machine.
#include "stillpoint/stillpoint.hpp"
#include "test/preempt/managed/kernels.h"
#include "test/preempt/managed/storm.h"

#include <cstdio>
#include <gtest/gtest.h>
#include <memory>
#include <vector>

namespace {

using namespace stillpoint;

constexpr std::uint64_t wanted_stops = 15'000;
constexpr std::chrono::milliseconds longest{5'000};

struct crowd_member {
  test::kernel_job job;
  std::uint64_t expected = 0;
  std::atomic<std::uint64_t> calls{0}, wrong{0};
};

// Two of each kernel, in every way of compiling them.
std::vector<std::unique_ptr<crowd_member>> gather() {
  std::vector<std::unique_ptr<crowd_member>> crowd;
  for (const auto &variant : {test::kernels_pic::all(), test::kernels_pie::all(), test::kernels_o0::all(), test::kernels_fp::all()})
    for (const test::kernel &k : variant)
      for (const std::uint64_t seed : {3, 1003}) {
        if (!k.supported())
          continue;
        auto member = std::make_unique<crowd_member>();
        member->job = {&k, seed, 400, 0};
        test::call_kernel(&member->job);
        member->expected = member->job.result;
        crowd.push_back(std::move(member));
      }
  return crowd;
}

class stress : public testing::TestWithParam<unsigned> {};
INSTANTIATE_TEST_SUITE_P(processors, stress, testing::Values(1u, 2u, 4u), [](const auto &p) { return std::to_string(p.param); });

TEST_P(stress, results_are_the_same_however_often_they_are_stopped) {
  test::set_environment(GetParam());
  const auto crowd = gather();
  const metrics before = read_metrics();
  std::atomic<bool> enough{false};
  stillpoint::run([&] {
    wait_group all;
    for (const auto &member : crowd) {
      all.add();
      go([&all, &enough, m = member.get()] {
        while (!enough) {
          test::call_kernel(&m->job);
          m->wrong += m->job.result != m->expected;
          ++m->calls;
        }
        all.done();
      });
    }
    const test::storm blowing;
    const test::deadline limit(longest);
    while (!limit.passed() && read_metrics().preemptions - before.preemptions < wanted_stops)
      sleep_for(std::chrono::milliseconds(5));
    enough = true;
    all.wait();
  });
  const metrics after = read_metrics();
  for (const auto &m : crowd)
    EXPECT_EQ(m->wrong, 0u) << m->job.what->name << ", " << m->calls << " calls";
  EXPECT_GT(after.preemptions, before.preemptions);
  EXPECT_GT(after.pinned_preemptions, before.pinned_preemptions);
  EXPECT_GT(after.vector_saves, before.vector_saves);
  std::printf("%llu stops, %llu of them pinned, %llu with vector state, %llu signals\n",
              static_cast<unsigned long long>(after.preemptions - before.preemptions),
              static_cast<unsigned long long>(after.pinned_preemptions - before.pinned_preemptions),
              static_cast<unsigned long long>(after.vector_saves - before.vector_saves),
              static_cast<unsigned long long>(after.signals_received - before.signals_received));
}

} // namespace
