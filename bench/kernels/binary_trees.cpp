// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Trees of small objects made, walked and destroyed: recursion, the allocator (foreign code), destructors.
#include "kernels.h"

#include <cstdint>
#include <memory>

namespace {

struct node {
  std::unique_ptr<node> left, right;
  std::uint64_t value = 1;
};

std::unique_ptr<node> grow(unsigned depth) {
  auto made = std::make_unique<node>();
  if (depth > 0) {
    made->left = grow(depth - 1);
    made->right = grow(depth - 1);
  }
  return made;
}

std::uint64_t total(const node *at, std::uint64_t weight) {
  return at ? at->value * weight + total(at->left.get(), weight + 1) + total(at->right.get(), weight + 2) : 0;
}

} // namespace

uint64_t kernel_binary_trees(uint64_t rounds) {
  std::uint64_t sum = 0;
  for (std::uint64_t round = 0; round < rounds; ++round) {
    auto tree = grow(7 + round % 2);
    for (int again = 0; again < 6; ++again)
      sum = kernel_mix(sum, total(tree.get(), round + again));
  }
  return sum;
}
