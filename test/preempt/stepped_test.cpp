// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Compiled functions stopped before every instruction that their tables allow, with the registers that the tables call dead overwritten while
// they are off: the proof, by exhaustion, that the tables and what is saved fit together.
#include "test/preempt/fake/stepper.h"
#include "test/preempt/managed/kernels.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

namespace {

using namespace stillpoint::test;

class stepped : public testing::TestWithParam<std::tuple<kernel, bool>> {};

std::vector<kernel> every_variant() {
  std::vector<kernel> kernels;
  for (const auto &variant : {kernels_pic::all(), kernels_pie::all(), kernels_o0::all(), kernels_fp::all()})
    kernels.insert(kernels.end(), variant.begin(), variant.end());
  return kernels;
}

const char *variant_of(const kernel &k) {
  const auto has = [&](std::span<const kernel> s) {
    return std::any_of(s.begin(), s.end(), [&](const kernel &o) { return o.run == k.run; });
  };
  return has(kernels_pic::all()) ? "pic" : has(kernels_pie::all()) ? "pie" : has(kernels_o0::all()) ? "o0" : "fp";
}

std::string name_of(const testing::TestParamInfo<std::tuple<kernel, bool>> &test) {
  const auto &[k, migrate] = test.param;
  return std::string(k.name) + "_" + variant_of(k) + (migrate ? "_migrating" : "_staying");
}

INSTANTIATE_TEST_SUITE_P(kernels, stepped, testing::Combine(testing::ValuesIn(every_variant()), testing::Bool()), name_of);

TEST_P(stepped, result_is_the_same) {
  const auto &[k, migrate] = GetParam();
  if (!k.supported())
    GTEST_SKIP() << "not on this processor";
  // Foreign code is stepped through as well, and an exception passes through a great deal of it.
  const unsigned rounds = std::string_view(k.name) == "exceptions" || migrate ? 2 : 4;
  kernel_job undisturbed{&k, 42, rounds}, disturbed{&k, 42, rounds};
  call_kernel(&undisturbed);
  const step_report report = run_stepped(call_kernel, &disturbed, migrate);
  EXPECT_EQ(report.differences, 0u) << report.first_difference;
  EXPECT_EQ(disturbed.result, undisturbed.result);
  EXPECT_GT(report.stops, 0u);
  RecordProperty("steps", static_cast<int>(report.steps));
  RecordProperty("stops", static_cast<int>(report.stops));
  RecordProperty("vector_stops", static_cast<int>(report.vector_stops));
  RecordProperty("pinned_stops", static_cast<int>(report.pinned_stops));
}

} // namespace
