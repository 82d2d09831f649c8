// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// GCBench as Ellis, Kovac and Boehm have it: trees built top down (which stores into old objects) and bottom up, beside a long-lived tree and a
// long-lived array without references.
#include "program.h"

namespace {

struct node {
  gc::ref<node> left, right;
  std::int32_t i = 0, j = 0;
  node() = default;
  node(gc::ref<node> l, gc::ref<node> r) : left(l), right(r) {}
};

std::uint64_t tree_size(unsigned depth) { return (std::uint64_t(2) << depth) - 1; }

void populate(unsigned depth, gc::ref<node> n) {
  if (depth == 0)
    return;
  n->left = gc::make<node>();
  n->right = gc::make<node>();
  populate(depth - 1, n->left);
  populate(depth - 1, n->right);
}

gc::ref<node> make_tree(unsigned depth) {
  if (depth == 0)
    return gc::make<node>();
  return gc::make<node>(make_tree(depth - 1), make_tree(depth - 1));
}

std::uint64_t count(gc::ref<node> n) { return n ? 1 + count(n->left) + count(n->right) : 0; }

void construct(unsigned depth, std::uint64_t budget) {
  const std::uint64_t rounds = 1 + budget / tree_size(depth);
  for (std::uint64_t r = 0; r < rounds; ++r) {
    const gc::ref<node> top_down = gc::make<node>();
    populate(depth, top_down);
    CHECK(count(top_down) == tree_size(depth));
    CHECK(count(make_tree(depth)) == tree_size(depth));
  }
}

void body(unsigned scale) {
  const unsigned deepest = 5 + scale;
  CHECK(count(make_tree(deepest)) == tree_size(deepest));
  const gc::ref<node> long_lived = gc::make<node>();
  populate(deepest - 1, long_lived);
  const std::size_t length = std::size_t(1000) * scale;
  const gc::array<double> numbers = gc::make_array<double>(length);
  for (std::size_t i = 1; i < length; ++i)
    numbers[i] = 1.0 / static_cast<double>(i);
  for (unsigned depth = 2; depth <= deepest; depth += 2)
    construct(depth, tree_size(deepest));
  CHECK(count(long_lived) == tree_size(deepest - 1));
  for (std::size_t i = 1; i < length; ++i)
    CHECK(numbers[i] == 1.0 / static_cast<double>(i));
}

} // namespace

int main(int argc, char **argv) { return run_program("gcbench", argc, argv, body); }
