// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Where a frame is, from a decoded map's header: whole, at entry, at an explicit depth, and at each instruction of the standard prologue and
// epilogue. Pure arithmetic; the header's numbers have been checked.
#ifndef STILLPOINT_RUNTIME_MAP_FRAMES_H
#define STILLPOINT_RUNTIME_MAP_FRAMES_H

#include "reader.h"

namespace stillpoint::map {

inline bool is_saved(const fragment &f, unsigned reg) noexcept { return (f.saved >> reg & 1) != 0; }

// Bytes below the CFA of the lowest place that the frame must own: the return address or the deepest saved register.
inline std::uint64_t deepest_slot(const fragment &f) noexcept {
  std::uint64_t deepest = 8;
  for (unsigned reg = 0; reg < abi::saved_register_count; ++reg)
    if (is_saved(f, reg) && f.slot[reg] > deepest)
      deepest = f.slot[reg];
  return deepest;
}

inline frame_rule entry_frame() noexcept {
  frame_rule rule;
  rule.known = true;
  rule.cfa_offset = 8;
  return rule;
}

inline frame_rule explicit_frame(const fragment &f, std::uint64_t words) noexcept {
  frame_rule rule;
  rule.known = true;
  rule.cfa_offset = words * 8;
  rule.saved = f.saved;
  for (unsigned reg = 0; reg < abi::saved_register_count; ++reg)
    rule.slot[reg] = f.slot[reg];
  return rule;
}

inline frame_rule whole_frame(const fragment &f) noexcept {
  frame_rule rule = explicit_frame(f, f.cfa_is_rbp ? 2 : f.words);
  rule.cfa_is_rbp = f.cfa_is_rbp;
  return rule;
}

// The frame when the first `pushes` saved registers are on the stack and nothing below them.
inline frame_rule partial_frame(const fragment &f, unsigned pushes) noexcept {
  frame_rule rule = entry_frame();
  for (unsigned reg = 0; reg < abi::saved_register_count && pushes != 0; ++reg) {
    if (!is_saved(f, reg))
      continue;
    rule.cfa_offset += 8;
    rule.saved = static_cast<std::uint8_t>(rule.saved | 1u << reg);
    rule.slot[reg] = f.slot[reg];
    --pushes;
  }
  return rule;
}

inline unsigned saved_count(const fragment &f) noexcept { return static_cast<unsigned>(__builtin_popcount(f.saved)); }

inline std::uint64_t push_bytes(const fragment &f) noexcept {
  std::uint64_t bytes = 0;
  for (unsigned reg = 0; reg < abi::saved_register_count; ++reg)
    if (is_saved(f, reg))
      bytes += abi::saved_register_push_size(reg);
  return bytes;
}

inline std::uint64_t prologue_bytes(const fragment &f) noexcept {
  return push_bytes(f) + (f.cfa_is_rbp ? abi::frame_pointer_setup_size : 0);
}

// The frame `offset` bytes into a standard prologue; not known where no instruction starts.
inline frame_rule frame_in_prologue(const fragment &f, std::uint64_t offset) noexcept {
  std::uint64_t at = 0;
  unsigned pushes = 0;
  for (unsigned reg = 0; reg < abi::saved_register_count; ++reg) {
    if (at == offset)
      return partial_frame(f, pushes);
    if (is_saved(f, reg)) {
      at += abi::saved_register_push_size(reg);
      ++pushes;
    }
    if (reg == abi::saved_rbp && f.cfa_is_rbp) {
      if (at == offset)
        return partial_frame(f, pushes);
      at += abi::frame_pointer_setup_size;
    }
  }
  return at == offset ? partial_frame(f, pushes) : frame_rule{};
}

// The frame `offset` bytes into a standard epilogue of `length` bytes; not known where no instruction starts.
inline frame_rule frame_in_epilogue(const fragment &f, std::uint64_t length, std::uint64_t offset) noexcept {
  std::uint64_t at = length - push_bytes(f);
  if (offset == 0 && at != 0)
    return whole_frame(f);
  unsigned on_stack = saved_count(f);
  for (unsigned reg = abi::saved_register_count; reg-- != 0;) {
    if (at == offset)
      return partial_frame(f, on_stack);
    if (is_saved(f, reg)) {
      at += abi::saved_register_push_size(reg);
      --on_stack;
    }
  }
  return at == offset ? partial_frame(f, on_stack) : frame_rule{};
}

} // namespace stillpoint::map

#endif
