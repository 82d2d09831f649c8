// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See dead.h.
#include "test/stepping/dead.h"

#include "runtime/arch/arch.h"
#include "test/stepping/machine_state.h"

#include <algorithm>
#include <cstring>

namespace stillpoint::test {
namespace {

constexpr std::uintptr_t junk = 0xdeadbabe0badf00d; // no address
constexpr unsigned char junk_byte = 0xd9;
constexpr greg_t arithmetic_flags = 0x8d5; // CF, PF, AF, ZF, SF, OF
constexpr std::size_t red_zone = 128, below = 512;

bool dead(std::uint64_t live, unsigned bit) { return (live >> bit & 1) == 0; }

unsigned overwrite_general(ucontext_t &context, std::uint64_t live) {
  unsigned count = 0;
  const rt::arch::register_places places = rt::arch::context_places(context);
  for (unsigned r = 0; r < rt::arch::general_register_count; ++r)
    if (places.at[r] != nullptr && dead(live, r)) {
      *places.at[r] = junk + r;
      ++count;
    }
  if (dead(live, abi::live_flags_bit)) {
    context.uc_mcontext.gregs[REG_EFL] ^= arithmetic_flags;
    ++count;
  }
  return count;
}

// A part of an area that may be in its initial state: then that is written out first, because from now on all of it counts.
unsigned char *open_component(const vector_area &area, unsigned number, std::size_t offset, std::size_t size) {
  if (area.components != nullptr && (*area.components >> number & 1) == 0) {
    std::memset(area.bytes + offset, 0, size);
    *area.components |= std::uint64_t{1} << number;
  }
  return area.bytes + offset;
}

unsigned overwrite_each(unsigned char *first, std::size_t size, unsigned from, unsigned to, std::uint64_t live) {
  unsigned count = 0;
  for (unsigned n = from; n < to; ++n)
    if (dead(live, n)) {
      std::memset(first + size * (n - from), junk_byte, size);
      ++count;
    }
  return count;
}

// Registers `from` to `to`, of which this component has `size` bytes each.
unsigned overwrite_component(const vector_area &area, unsigned number, std::size_t size, unsigned from, unsigned to, std::uint64_t live) {
  const auto [offset, all] = place_of_component(number);
  if (area.components == nullptr || all == 0 || offset + all > area.size)
    return 0;
  return overwrite_each(open_component(area, number, offset, all), size, from, to, live);
}

unsigned overwrite_vectors(const vector_area &area, const map::live_set &live) {
  unsigned count = overwrite_each(open_component(area, 1, 160, 256), 16, 0, 16, live.vector);
  overwrite_component(area, 2, 16, 0, 16, live.vector); // the upper halves of YMM0-15
  overwrite_component(area, 6, 32, 0, 16, live.vector); // and of ZMM0-15
  count += overwrite_component(area, 7, 64, 16, 32, live.vector);
  count += overwrite_component(area, 5, 8, 0, 8, live.other); // masks
  return count;
}

// Which of them are empty stays as it is: with a full stack the next callee could not load anything.
unsigned overwrite_x87(const vector_area &area, const map::live_set &live) {
  constexpr unsigned x87 = 0xff00;
  if ((live.other & x87) != 0 || (area.components != nullptr && (*area.components & 1) == 0))
    return 0; // as they are, or never used: all are empty
  constexpr std::size_t first = 32, distance = 16, size = 10, count = 8;
  for (std::size_t n = 0; n != count; ++n)
    std::memset(area.bytes + first + distance * n, junk_byte, size);
  return count;
}

} // namespace

unsigned overwrite_dead(ucontext_t &context, const map::live_set &live, std::uintptr_t stack_low) {
  const auto sp = static_cast<std::uintptr_t>(context.uc_mcontext.gregs[REG_RSP]);
  if (sp - stack_low > red_zone) {
    const std::size_t size = std::min(below, sp - stack_low - red_zone);
    std::memset(reinterpret_cast<void *>(sp - red_zone - size), junk_byte, size);
  }
  return overwrite_general(context, live.general) + overwrite_vectors(vector_area(context), live) +
         overwrite_x87(vector_area(context), live);
}

} // namespace stillpoint::test
