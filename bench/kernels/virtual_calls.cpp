// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Indirect calls to small leaf functions through vtables and std::function.
#include "kernels.h"

#include <array>
#include <cstdint>
#include <functional>

namespace {

struct shape {
  virtual ~shape() = default;
  virtual std::uint64_t measure(std::uint64_t seed) const = 0;
};

struct square final : shape {
  std::uint64_t side = 3;
  std::uint64_t measure(std::uint64_t seed) const override { return side * side + seed; }
};

struct bar final : shape {
  std::uint64_t width = 5, height = 7;
  std::uint64_t measure(std::uint64_t seed) const override { return width * (height ^ seed); }
};

struct comb final : shape {
  std::array<std::uint32_t, 4> teeth{2, 4, 6, 8};
  std::uint64_t measure(std::uint64_t seed) const override {
    std::uint64_t sum = 0;
    for (std::uint32_t tooth : teeth)
      sum += tooth & seed;
    return sum;
  }
};

} // namespace

uint64_t kernel_virtual_calls(uint64_t rounds) {
  square a;
  bar b;
  comb c;
  const std::array<const shape *, 8> shapes{&a, &b, &c, &b, &a, &a, &c, &b};
  std::function<std::uint64_t(std::uint64_t)> twist = [&shapes](std::uint64_t at) { return shapes[at % 8]->measure(at) ^ at; };
  std::uint64_t sum = 0;
  for (std::uint64_t round = 0; round < rounds; ++round) {
    for (std::uint64_t i = 0; i < 5000; ++i)
      sum += shapes[(i * i + sum) % 8]->measure(i);
    for (std::uint64_t i = 0; i < 2000; ++i)
      sum += twist(i);
    sum = kernel_mix(sum, round);
  }
  return sum;
}
