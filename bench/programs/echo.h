// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the echo programs share: how long clients go on, what they note down, and what is printed.
#ifndef STILLPOINT_BENCH_ECHO_H
#define STILLPOINT_BENCH_ECHO_H

#include "clock.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

namespace bench::echo {

constexpr std::size_t message_size = 64;
constexpr std::size_t buffer_size = 4096; // a server does not know how much comes
constexpr std::uint64_t warm_up_ns = 200'000'000;

struct plan {
  int clients;
  std::uint64_t begin, end; // requests that begin in between count
};

inline plan read_plan(int argc, char **argv) {
  if (argc != 3 || std::atoi(argv[1]) < 1 || std::atoi(argv[2]) < 1) {
    std::fprintf(stderr, "usage: %s CLIENTS MILLISECONDS\n", argv[0]);
    std::exit(2);
  }
  const std::uint64_t begin = now() + warm_up_ns;
  return {std::atoi(argv[1]), begin, begin + std::strtoull(argv[2], nullptr, 10) * 1'000'000};
}

// One client's round trips, in nanoseconds.
class notes {
public:
  explicit notes(const plan &p) : plan_(p) { taken_.reserve(1 << 16); }

  // False: time is up.
  bool note(std::uint64_t start, std::uint64_t end) {
    if (start >= plan_.begin && start < plan_.end)
      taken_.push_back(static_cast<std::uint32_t>(std::min<std::uint64_t>(end - start, UINT32_MAX)));
    return end < plan_.end;
  }
  const std::vector<std::uint32_t> &taken() const { return taken_; }

private:
  plan plan_;
  std::vector<std::uint32_t> taken_;
};

// "requests PER_SECOND p50 NANOSECONDS p99 NANOSECONDS".
inline void print(const plan &p, const std::vector<notes> &all) {
  std::vector<std::uint32_t> taken;
  for (const notes &n : all)
    taken.insert(taken.end(), n.taken().begin(), n.taken().end());
  std::sort(taken.begin(), taken.end());
  const auto at = [&](double share) {
    return taken.empty() ? 0u : taken[std::min(taken.size() - 1, static_cast<std::size_t>(share * static_cast<double>(taken.size())))];
  };
  std::printf("requests %.0f p50 %u p99 %u\n", static_cast<double>(taken.size()) * 1e9 / static_cast<double>(p.end - p.begin), at(0.5),
              at(0.99));
}

} // namespace bench::echo

#endif
