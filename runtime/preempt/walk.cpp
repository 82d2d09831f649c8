// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See walk.h. Every address that comes from the stack is checked before it is used; sums cannot wrap because the stack's own bounds are far
// from both ends of the address space and offsets are compared, never added, until they are known to fit.
#include "runtime/preempt/walk.h"

#include "stillpoint/abi/map_format.h"

namespace stillpoint::rt::preempt {
namespace {

constexpr std::uintptr_t word = sizeof(std::uintptr_t);

bool holds_word(const stack_bounds &stack, std::uintptr_t address) noexcept {
  return address % word == 0 && address >= stack.low && address <= stack.high - word;
}

std::uintptr_t read_word(std::uintptr_t address) noexcept { return *reinterpret_cast<const volatile std::uintptr_t *>(address); }

} // namespace

refusal refusal_of(map::status s, refusal if_foreign) noexcept {
  switch (s) {
  case map::status::ok:
    return refusal::none;
  case map::status::not_managed:
    return if_foreign;
  case map::status::corrupt:
    break;
  }
  return refusal::corrupt_table;
}

refusal step(const stack_bounds &stack, const map::frame_rule &at, arch::walk_registers &registers) noexcept {
  if (!at.known)
    return refusal::unknown_frame;
  const std::uintptr_t origin = at.cfa_is_rbp ? registers.frame : registers.sp;
  if (origin < registers.sp || origin > stack.high || at.cfa_offset > stack.high - origin || at.cfa_offset < word)
    return refusal::unknown_frame;
  const std::uintptr_t cfa = origin + at.cfa_offset;
  if (!holds_word(stack, cfa - word))
    return refusal::unknown_frame;
  if ((at.saved >> abi::saved_rbp & 1) != 0) {
    const std::uint64_t below = at.slot[abi::saved_rbp];
    if (below > cfa - stack.low || !holds_word(stack, cfa - below))
      return refusal::unknown_frame;
    registers.frame = read_word(cfa - below);
  }
  registers.pc = arch::true_return(read_word(cfa - word));
  registers.sp = cfa;
  return refusal::none;
}

refusal walk_callers(const stack_bounds &stack, arch::walk_registers registers, bool &pinned) noexcept {
  while (registers.pc != arch::task_base()) {
    map::point call;
    if (const refusal why = refusal_of(map::lookup(registers.pc - 1, call), refusal::foreign_frame); why != refusal::none)
      return why;
    if (!call.callee_may_stop)
      return refusal::unsafe_point;
    pinned |= call.callee_pinned;
    if (const refusal why = step(stack, call.frame, registers); why != refusal::none)
      return why;
  }
  return refusal::none;
}

} // namespace stillpoint::rt::preempt
