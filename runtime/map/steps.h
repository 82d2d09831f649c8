// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The steps of a map with references: each changes the state before it (include/stillpoint/abi/map_format.h names them).
//
// Invariants: those of reader.h. A step that is not known, or whose operand names nothing, is refused.
#ifndef STILLPOINT_RUNTIME_MAP_STEPS_H
#define STILLPOINT_RUNTIME_MAP_STEPS_H

#include "reader.h"

namespace stillpoint::map {

// What the steps so far have made.
struct step_state {
  const unsigned char *first = nullptr; // step
  abi::state_code base = abi::state_safe;
  std::uint64_t own_index = 0; // of an own state as the base
  std::uint64_t slots = 0;     // of the first 64
  bool has_more_slots = false; // one behind the first 64 was live
  bool ready = false;
  std::uint16_t registers = 0;
};

inline bool take_mask(cursor &c, std::uint16_t &registers) noexcept {
  std::uint64_t mask;
  if (!read_uleb_between(c, 0, (1u << abi::step_register_count) - 1, mask))
    return false;
  for (; mask != 0; mask &= mask - 1)
    registers = static_cast<std::uint16_t>(registers ^ 1u << abi::step_registers[__builtin_ctzll(mask)]);
  return true;
}

inline bool take_slot(step_state &s, const fragment &f, cursor &c) noexcept {
  std::uint64_t slot;
  if (!read_uleb(c, slot) || slot >= f.slot_count)
    return false;
  if (slot < 64)
    s.slots ^= std::uint64_t{1} << slot;
  else
    s.has_more_slots = true;
  return true;
}

inline bool take_own(step_state &s, std::uint64_t own_count, cursor &c) noexcept {
  if (!read_uleb(c, s.own_index) || s.own_index >= own_count)
    return false;
  s.base = s.own_index == 0 ? abi::state_own_0 : abi::state_escape;
  return true;
}

// The steps of 7 bits but for step_end.
inline bool take_long_step(step_state &s, const fragment &f, std::uint64_t own_count, unsigned step, cursor &c) noexcept {
  switch (step) {
  case abi::step_slot:
    return take_slot(s, f, c);
  case abi::step_unsafe:
    s.base = abi::state_unsafe;
    return true;
  case abi::step_safe_vector:
    s.base = abi::state_safe_vector;
    return true;
  case abi::step_prologue:
    s.base = abi::state_prologue;
    return true;
  case abi::step_own:
    return take_own(s, own_count, c);
  case abi::step_ready:
    s.ready = !s.ready;
    return f.has_root_list;
  case abi::step_clear:
    s.registers = 0;
    s.slots = 0;
    s.has_more_slots = false;
    return true;
  default:
    break;
  }
  const unsigned nth = abi::step_short_registers + (step >> abi::step_short_bits);
  if ((step & abi::step_long_b) != abi::step_long_a || nth >= abi::step_register_count)
    return false;
  s.registers = static_cast<std::uint16_t>(s.registers ^ 1u << abi::step_registers[nth]);
  return true;
}

// The steps of 4 bits.
inline bool take_short_step(step_state &s, unsigned step, cursor &c) noexcept {
  switch (step) {
  case abi::step_safe:
    s.base = abi::state_safe;
    return true;
  case abi::step_entry:
    s.base = abi::state_entry;
    return true;
  case abi::step_epilogue:
    s.base = abi::state_epilogue;
    return true;
  case abi::step_call:
    s.registers &= abi::callee_saved_registers;
    return true;
  case abi::step_call_result:
    s.registers = static_cast<std::uint16_t>((s.registers & abi::callee_saved_registers) | 1u);
    return true;
  case abi::step_mask:
    return take_mask(c, s.registers);
  default:
    s.registers = static_cast<std::uint16_t>(s.registers ^ 1u << abi::step_registers[step]);
    return true;
  }
}

// Takes the step in `value`; its operand, if it has one, comes from `c`. Not step_end.
inline bool take_step(step_state &s, const fragment &f, std::uint64_t own_count, std::uint64_t value, cursor &c) noexcept {
  if (abi::is_long_step(value))
    return take_long_step(s, f, own_count, static_cast<unsigned>(value & ((1u << abi::step_long_bits) - 1)), c);
  return take_short_step(s, static_cast<unsigned>(value & ((1u << abi::step_short_bits) - 1)), c);
}

} // namespace stillpoint::map

#endif
