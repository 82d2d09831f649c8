// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Mostly plain parsing, now and then a throw through two frames with cleanups: landing pads run, and the unwinder (foreign) between.
#include "kernels.h"

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>

namespace {

int digit(char c) {
  if (c < '0' || c > '9')
    throw std::invalid_argument("not a digit");
  return c - '0';
}

int number(const std::string &text) {
  auto scratch = std::make_unique<int>(0);
  for (char c : text)
    *scratch = *scratch * 10 + digit(c);
  return *scratch;
}

} // namespace

uint64_t kernel_exceptions(uint64_t rounds) {
  std::uint64_t sum = 0;
  for (std::uint64_t round = 0; round < rounds; ++round)
    for (std::uint64_t i = 0; i < 600; ++i) {
      std::string text = std::to_string(i * 7919 + round % 10);
      if (i % 100 == 99)
        text.back() = 'x';
      try {
        sum = kernel_mix(sum, static_cast<std::uint64_t>(number(text)));
      } catch (const std::invalid_argument &error) {
        sum += static_cast<std::uint64_t>(error.what()[0]);
      }
    }
  return sum;
}
