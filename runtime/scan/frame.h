// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the scan needs of a frame at a call, decoded from the tables once and kept.
//
// Problem: decoding a map up to a call costs more than all the rest of a frame, and stacks hold the same calls over and over.
// Mechanism: a direct-mapped cache from return addresses to frames of one cache line each. Each worker has one, so it needs no lock.
// Invariants: emptied when modules have come or gone; what does not fit into a line is not kept but decoded each time.
// Rejected: a cache of the map reader's own points (four times as large, and their words would have to be decoded again).
#ifndef STILLPOINT_RUNTIME_SCAN_FRAME_H
#define STILLPOINT_RUNTIME_SCAN_FRAME_H

#include "runtime/map/registry.h"
#include "runtime/sched/core.h"

#include <cstddef>
#include <cstdint>

namespace stillpoint::rt::scan {

inline constexpr std::size_t frame_words = 16;

struct alignas(64) frame {
  std::uintptr_t pc = 0;        // return address; 0: empty
  std::uint32_t cfa_offset = 0; // bytes from RSP or RBP
  bool cfa_is_rbp = false;
  bool callee_pinned = false;
  std::uint8_t saved = 0;      // bit set of abi::saved_register
  std::uint8_t references = 0; // the same registers: those that hold a reference
  std::uint8_t base = 0;       // abi::slot_base
  std::uint8_t word_count = 0;
  std::uint16_t saved_words[abi::saved_register_count] = {}; // below the CFA
  std::int16_t words[frame_words] = {};                      // from the base: slots and stack roots
};
static_assert(sizeof(frame) == 64);

enum class decoded : std::uint8_t {
  ok,
  too_large, // for a frame: `point` has it
  foreign,
  unusable // nobody may walk from there, or the call's references are not described
};

// The frame of the call that returns to `pc`. `point` is filled in as well, unless foreign. The caller holds a map::reader_scope.
decoded decode(std::uintptr_t pc, frame &out, map::point &point) noexcept;

class frame_cache {
public:
  // The calling worker's, made when it is first asked for; null if this thread is no worker.
  static frame_cache *of_this_thread() noexcept;

  // To be called before find() by whoever begins a walk.
  void refresh() noexcept {
    if (const std::uint64_t now = map::generation(); now != generation_) [[unlikely]]
      clear(now);
  }
  // Where the frame for `pc` is, or would be (then its pc is another).
  frame &at(std::uintptr_t pc) noexcept { return lines_[pc * 0x9e3779b97f4a7c15u >> (64 - size_bits)]; }

private:
  static constexpr unsigned size_bits = 9;
  void clear(std::uint64_t generation) noexcept;

  frame lines_[std::size_t{1} << size_bits];
  std::uint64_t generation_ = 0;
};

} // namespace stillpoint::rt::scan

#endif
