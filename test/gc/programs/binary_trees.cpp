// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Trees are built and thrown away while a long-lived one stays. A full tree of depth d has 2^(d+1) - 1 nodes.
#include "program.h"

namespace {

struct node {
  gc::ref<node> left, right;
};

gc::ref<node> build(unsigned depth) {
  const gc::ref<node> n = gc::make<node>();
  if (depth != 0) {
    n->left = build(depth - 1);
    n->right = build(depth - 1);
  }
  return n;
}

// The other way round: children first, as a constructor would get them.
gc::ref<node> build_from_leaves(unsigned depth) {
  if (depth == 0)
    return gc::make<node>();
  const gc::ref<node> left = build_from_leaves(depth - 1), right = build_from_leaves(depth - 1);
  return gc::make<node>(left, right);
}

std::uint64_t count(gc::ref<node> n) { return n ? 1 + count(n->left) + count(n->right) : 0; }

std::uint64_t nodes(unsigned depth) { return (std::uint64_t(2) << depth) - 1; }

void body(unsigned scale) {
  const unsigned deepest = 5 + scale;
  CHECK(count(build(deepest + 1)) == nodes(deepest + 1));
  const gc::ref<node> long_lived = build(deepest);
  for (unsigned depth = 2; depth <= deepest; depth += 2) {
    const unsigned rounds = 1U << (deepest - depth);
    std::uint64_t total = 0;
    for (unsigned i = 0; i < rounds; ++i)
      total += count(i % 2 ? build(depth) : build_from_leaves(depth));
    CHECK(total == rounds * nodes(depth));
  }
  CHECK(count(long_lived) == nodes(deepest));
}

} // namespace

int main(int argc, char **argv) { return run_program("binary_trees", argc, argv, body); }
