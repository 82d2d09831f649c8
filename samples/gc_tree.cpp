// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Trees of collected memory, made and dropped, beside a tight loop. Each collection stops that loop somewhere between two instructions,
// and finds every reference exactly where the compiler has put it: in registers and stack slots, with no help from this code.
//
// Run it with STILLPOINT_PROCS=2, and with STILLPOINT_DEBUG=gcstress=alloc to collect at every allocation (gc_tree 6 is deep enough then).
#include <stillpoint/stillpoint.hpp>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

namespace gc = stillpoint::gc;

namespace {

struct node {
  gc::ref<node> left;
  gc::ref<node> right;
};

gc::ref<node> build(int depth) {
  if (depth == 0)
    return gc::make<node>();
  return gc::make<node>(build(depth - 1), build(depth - 1));
}

std::uint64_t count(gc::ref<node> tree) { return tree ? 1 + count(tree->left) + count(tree->right) : 0; }

void endless_loop() {
  for (volatile std::uint64_t turns = 0;; turns = turns + 1)
    ;
}

int depth = 14;

int program() {
  stillpoint::go(endless_loop);
  const gc::ref<node> kept = build(depth);
  std::uint64_t nodes = 0;
  for (int i = 0; i < 20; ++i)
    nodes += count(build(depth));
  gc::collect();

  const gc::statistics seen = gc::stats();
  const std::uint64_t each = (std::uint64_t{2} << depth) - 1;
  std::printf("%llu nodes counted, %llu expected; the tree that was kept has %llu\n", static_cast<unsigned long long>(nodes),
              static_cast<unsigned long long>(20 * each), static_cast<unsigned long long>(count(kept)));
  std::printf("%llu collections, %.1f MB allocated, %.1f MB live, longest pause %.0f us\n", static_cast<unsigned long long>(seen.cycles),
              static_cast<double>(seen.bytes_allocated) / 1e6, static_cast<double>(seen.live_bytes) / 1e6,
              static_cast<double>(seen.pauses.longest_ns) / 1e3);
  return nodes == 20 * each && count(kept) == each ? 0 : 1;
}

} // namespace

int main(int argc, char **argv) {
  if (argc > 1)
    depth = std::clamp(std::atoi(argv[1]), 0, 20);
  return stillpoint::run(program);
}
