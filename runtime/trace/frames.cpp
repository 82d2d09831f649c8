// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See frames.h.
#include "trace/frames.h"

#include "map/registry.h"
#include "scan/foreign.h"
#include "sched/core.h"

namespace stillpoint::rt::trace {
namespace {

constexpr std::uintptr_t word = sizeof(std::uintptr_t);

bool one_step(std::uintptr_t) noexcept { return false; }

bool lies_in(const preempt::stack_bounds &stack, std::uintptr_t address) noexcept {
  return address % word == 0 && address >= stack.low && address <= stack.high - word;
}

bool leave_managed(const preempt::stack_bounds &stack, const map::frame_rule &at, arch::register_places &places) noexcept {
  const std::uintptr_t *const frame = places.at[arch::register_rbp];
  arch::walk_registers registers{places.pc, places.sp, frame != nullptr ? *frame : 0};
  if (preempt::step(stack, at, registers) != refusal::none)
    return false;
  for (unsigned r = 0; r < abi::saved_register_count; ++r)
    if ((at.saved >> r & 1) != 0) {
      const std::uintptr_t address = registers.sp - at.slot[r];
      places.at[arch::saved_register_number[r]] = lies_in(stack, address) ? reinterpret_cast<std::uintptr_t *>(address) : nullptr;
    }
  places.pc = registers.pc;
  places.sp = registers.sp;
  return true;
}

// To the caller's frame, or why not: ending::complete if it was done.
ending leave_frame(const preempt::stack_bounds &stack, arch::register_places &places, bool interrupted, bool foreign_too) noexcept {
  {
    const map::reader_scope reading(this_worker());
    map::point here;
    const map::status found = map::lookup(interrupted ? places.pc : places.pc - 1, here);
    if (found == map::status::ok)
      return leave_managed(stack, here.frame, places) ? ending::complete : ending::unknown_frame;
    if (found == map::status::corrupt)
      return ending::unknown_frame;
  }
  if (!foreign_too)
    return ending::not_attempted;
  std::uint64_t frames = 0;
  const std::uintptr_t before = places.sp;
  if (!scan::step_foreign(places, one_step, frames, interrupted))
    return ending::no_unwinding;
  return places.sp > before && places.sp <= stack.high ? ending::complete : ending::unknown_frame;
}

} // namespace

void follow(const preempt::stack_bounds &stack, arch::register_places places, bool interrupted, bool foreign_too, trail &out) noexcept {
  out.count = 0;
  out.interrupted = interrupted;
  out.why = ending::elsewhere;
  if (places.sp < stack.low || places.sp > stack.high)
    return;
  for (out.why = ending::complete; places.pc != arch::task_base(); interrupted = false) {
    if (out.count == trail::most) {
      out.why = ending::too_deep;
      return;
    }
    out.pc[out.count++] = places.pc;
    out.why = leave_frame(stack, places, interrupted, foreign_too);
    if (out.why != ending::complete)
      return;
  }
}

} // namespace stillpoint::rt::trace
