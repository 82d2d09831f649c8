// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// When the next collection begins, and how much marking an allocating task owes: arithmetic alone.
//
// The heap may grow by STILLPOINT_GC percent of what was found live (at least by least_growth), and no further than the limit allows: the
// goal.
// Marking begins some way before the goal, an eighth of the live size; over that way allocating tasks mark in proportion, so that all
// is marked when the goal is reached. A short way means more marking for each byte, and less garbage that is kept because it
// was allocated while marking.
// Rejected: a controller that learns the way (Go's): what it gains is small where marking is fast, and its mistakes are hard to see.
#ifndef STILLPOINT_RUNTIME_GC_PACING_H
#define STILLPOINT_RUNTIME_GC_PACING_H

#include <algorithm>
#include <cstdint>

namespace stillpoint::rt::gc {

inline constexpr std::uint64_t least_growth = std::uint64_t{16} << 20;
inline constexpr std::uint64_t shortest_way = std::uint64_t{256} << 10;
inline constexpr std::uint64_t no_goal = UINT64_MAX;

struct plan {
  std::uint64_t goal = least_growth;                   // bytes in use when marking is to be complete
  std::uint64_t trigger = least_growth - shortest_way; // bytes allocated since the last collection at which the next one begins
  std::uint64_t way = shortest_way;
  bool operator==(const plan &) const = default;
};

// `percent` < 0: only the limit counts. `limit` 0: none.
constexpr plan make_plan(std::uint64_t live, int percent, std::uint64_t limit) noexcept {
  plan p;
  p.goal = percent < 0 ? no_goal : live + std::max(live / 100 * static_cast<std::uint64_t>(percent), least_growth);
  if (limit != 0) // a sixteenth stays free for what is not counted: tails of spans, pages between them
    p.goal = std::min(p.goal, std::max(limit - limit / 16, live + shortest_way));
  if (p.goal == no_goal)
    return {no_goal, no_goal, shortest_way};
  const std::uint64_t growth = p.goal - live;
  p.way = std::clamp(live / 8, std::min(shortest_way, growth / 2), std::max<std::uint64_t>(growth / 2, 1));
  p.trigger = growth - p.way;
  return p;
}

// How many bytes have to be scanned when `allocated` bytes have been allocated since marking began, with `live` expected to be scanned in
// all.
constexpr std::uint64_t scan_owed(const plan &p, std::uint64_t live, std::uint64_t allocated) noexcept {
  const auto share = static_cast<unsigned __int128>(live) * allocated / std::max<std::uint64_t>(p.way, 1);
  return share > UINT64_MAX ? UINT64_MAX : static_cast<std::uint64_t>(share);
}

} // namespace stillpoint::rt::gc

#endif
