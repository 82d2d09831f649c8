// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Two programs that do little but allocate, written once for every way to manage memory.
//
// trees: the benchmarks game's binary trees. Full trees of two-pointer nodes are made, counted and thrown away while a long-lived one
// stays, one task for each depth, as the game's program for Go does it.
// gcbench: as Ellis, Kovac and Boehm have it, with Boehm's sizes: trees made top down, which stores into old objects, and bottom up, beside
// a long-lived tree and a long-lived array without references. Likewise one task for each depth.
//
// A Memory gives the nodes (with left and right, and for the second program two integers), pointer, make, drop (frees a tree where nobody
// collects it), numbers (makes an array) and in_parallel(count, f), which returns when all f(i) have.
// Invariant: the results depend on the sizes alone. The driver compares them between all ways and with go/gc/main.go, the same in Go.
#ifndef STILLPOINT_BENCH_GC_TREES_H
#define STILLPOINT_BENCH_GC_TREES_H

#include <atomic>
#include <cstdint>

namespace bench {

inline constexpr unsigned least_depth = 4;

// For those whose pointers are plain ones.
struct plain_nodes {
  struct game_node {
    game_node *left = nullptr, *right = nullptr;
  };

  struct gcbench_node {
    gcbench_node *left = nullptr, *right = nullptr;
    std::int32_t i = 0, j = 0;
    gcbench_node() = default;
    gcbench_node(gcbench_node *l, gcbench_node *r) : left(l), right(r) {}
  };
};

template <class Memory>
struct trees {
  using node = typename Memory::game_node;
  using pointer = typename Memory::template pointer<node>;

  static pointer build(unsigned depth) {
    if (depth == 0)
      return Memory::template make<node>();
    const pointer left = build(depth - 1), right = build(depth - 1);
    return Memory::template make<node>(left, right);
  }

  static std::uint64_t count(pointer tree) { return tree->left ? 1 + count(tree->left) + count(tree->right) : 1; }

  static std::uint64_t build_and_count(unsigned depth) {
    const pointer tree = build(depth);
    const std::uint64_t nodes = count(tree);
    Memory::drop(tree);
    return nodes;
  }

  static std::uint64_t run(unsigned depth) {
    const std::uint64_t stretched = build_and_count(depth + 1);
    const pointer long_lived = build(depth);
    std::atomic<std::uint64_t> total{0};
    Memory::in_parallel((depth - least_depth) / 2 + 1, [&total, depth](unsigned i) {
      const unsigned own_depth = least_depth + 2 * i;
      std::uint64_t nodes = 0;
      for (std::uint64_t left = std::uint64_t(1) << (depth - own_depth + least_depth); left > 0; --left)
        nodes += build_and_count(own_depth);
      total += nodes * own_depth;
    });
    const std::uint64_t result = total + 31 * stretched + 37 * count(long_lived);
    Memory::drop(long_lived);
    return result;
  }
};

template <class Memory>
struct gcbench {
  using node = typename Memory::gcbench_node;
  using pointer = typename Memory::template pointer<node>;

  static constexpr unsigned numbers_length = 500'000;

  static std::uint64_t tree_size(unsigned depth) { return (std::uint64_t(2) << depth) - 1; }

  static void populate(unsigned depth, pointer at) {
    if (depth == 0)
      return;
    at->left = Memory::template make<node>();
    at->right = Memory::template make<node>();
    populate(depth - 1, at->left);
    populate(depth - 1, at->right);
  }

  static pointer build(unsigned depth) {
    if (depth == 0)
      return Memory::template make<node>();
    const pointer left = build(depth - 1), right = build(depth - 1);
    return Memory::template make<node>(left, right);
  }

  static std::uint64_t count(pointer tree) { return tree->left ? 1 + count(tree->left) + count(tree->right) : 1; }

  // Counts only the last of its trees: the original counts none.
  static std::uint64_t construct(unsigned depth, std::uint64_t rounds) {
    std::uint64_t nodes = 0;
    for (std::uint64_t i = 1; i <= rounds; ++i) {
      const pointer tree = Memory::template make<node>();
      populate(depth, tree);
      if (i == rounds)
        nodes += count(tree);
      Memory::drop(tree);
    }
    for (std::uint64_t i = 1; i <= rounds; ++i) {
      const pointer tree = build(depth);
      if (i == rounds)
        nodes += count(tree);
      Memory::drop(tree);
    }
    return nodes;
  }

  static std::uint64_t run(unsigned depth) {
    const unsigned long_lived_depth = depth - 2;
    Memory::drop(build(depth));
    const pointer long_lived = Memory::template make<node>();
    populate(long_lived_depth, long_lived);
    const auto numbers = Memory::numbers(numbers_length);
    for (unsigned i = 1; i < numbers_length / 2; ++i)
      numbers[i] = 1.0 / i;
    std::atomic<std::uint64_t> total{0};
    Memory::in_parallel((long_lived_depth - least_depth) / 2 + 1, [&total, depth](unsigned i) {
      const unsigned own_depth = least_depth + 2 * i;
      const std::uint64_t rounds = 2 * tree_size(depth) / tree_size(own_depth);
      total += construct(own_depth, rounds) * rounds;
    });
    const std::uint64_t result = total + 41 * count(long_lived) + static_cast<std::uint64_t>(1 / numbers[1000] + 0.5);
    Memory::drop(long_lived);
    Memory::drop_numbers(numbers);
    return result;
  }
};

} // namespace bench

#endif
