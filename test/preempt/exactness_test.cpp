// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Everything comes back: hand-written functions are stopped before every one of their instructions, everything else is overwritten while they
// are off, and their whole state is compared bit for bit, as is what they compute.
#include "runtime/arch/x86_64/vector_save.h"
#include "test/preempt/fake/kernels.h"
#include "test/preempt/fake/stepper.h"

#include <array>
#include <cstring>
#include <gtest/gtest.h>
#include <random>

namespace {

using namespace stillpoint;

struct alignas(64) buffer {
  unsigned char bytes[4096];
};

buffer fresh_buffer() {
  buffer b;
  std::mt19937_64 random(4711);
  for (std::size_t at = 0; at < sizeof b.bytes; at += 8) {
    const std::uint64_t value = random();
    std::memcpy(b.bytes + at, &value, 8);
  }
  const long double first = 0.7390851332151606417L;
  std::memcpy(b.bytes, &first, 10);
  return b;
}

class exactness : public testing::TestWithParam<bool> {
protected:
  // Both ways, and what both wrote is the same.
  test::step_report check(void (*kernel)(void *)) {
    buffer undisturbed = fresh_buffer(), stepped = fresh_buffer();
    kernel(&undisturbed);
    const test::step_report report = test::run_stepped(kernel, &stepped, GetParam());
    EXPECT_EQ(report.differences, 0u) << report.first_difference;
    EXPECT_EQ(std::memcmp(&undisturbed, &stepped, sizeof stepped), 0);
    EXPECT_EQ(report.stops, report.steps) << "every point of these functions is safe";
    EXPECT_GT(report.stops, 10u);
    return report;
  }

  test::kernel_tables tables;
};

INSTANTIATE_TEST_SUITE_P(threads, exactness, testing::Values(false, true),
                         [](const auto &migrate) { return migrate.param ? "migrating" : "staying"; });

TEST_P(exactness, general_registers_flags_and_red_zone) { EXPECT_GT(check(kernel_general).stops, 1000u); }

TEST_P(exactness, avx512) {
  if (!__builtin_cpu_supports("avx512bw") || !__builtin_cpu_supports("avx512dq"))
    GTEST_SKIP() << "this processor has no AVX-512";
  const auto report = check(kernel_avx512);
  EXPECT_EQ(report.vector_stops, report.stops);
}

TEST_P(exactness, avx2) {
  if (!__builtin_cpu_supports("avx2"))
    GTEST_SKIP() << "this processor has no AVX2";
  check(kernel_avx2);
}

TEST_P(exactness, sse) { check(kernel_sse); }

TEST_P(exactness, x87_and_mmx) { check(kernel_x87); }

TEST_P(exactness, control_and_status_words_without_vector_state) {
  const auto report = check(kernel_words);
  EXPECT_LT(report.vector_stops, report.stops / 4);
}

// Older processors' ways to save.
class older_saves : public exactness {
protected:
  ~older_saves() override { rt::arch::__stillpoint_vector_save = rt::arch::detect_vector_save(STILLPOINT_SAVE_BY_XSAVEC); }
  void use(std::uint32_t mode) {
    // fake_worker's first initialize() detects; afterwards nobody writes it.
    test::run_stepped(kernel_sse, &scratch, false);
    rt::arch::__stillpoint_vector_save = rt::arch::detect_vector_save(mode);
  }
  buffer scratch = fresh_buffer();
};

INSTANTIATE_TEST_SUITE_P(threads, older_saves, testing::Values(false, true),
                         [](const auto &migrate) { return migrate.param ? "migrating" : "staying"; });

TEST_P(older_saves, xsave) {
  use(STILLPOINT_SAVE_BY_XSAVE);
  check(kernel_x87);
  check(kernel_sse);
  if (__builtin_cpu_supports("avx2"))
    check(kernel_avx2);
  if (__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq"))
    check(kernel_avx512);
}

TEST_P(older_saves, fxsave) {
  use(STILLPOINT_SAVE_BY_FXSAVE);
  check(kernel_x87);
  check(kernel_words);
}

} // namespace
