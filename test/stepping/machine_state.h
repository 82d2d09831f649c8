// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// All that a signal's context says of a thread, so that it can be compared with itself later: a task that was stopped must find everything again.
//
// Invariant: record() and difference() are signal safe. Rejected: comparing the kernel's area byte by byte (what it says of components that are
// in their initial state is whatever lay there before).
#ifndef STILLPOINT_TEST_STEPPING_MACHINE_STATE_H
#define STILLPOINT_TEST_STEPPING_MACHINE_STATE_H

#include <cstddef>
#include <cstdint>
#include <ucontext.h>

namespace stillpoint::test {

inline constexpr greg_t trap_flag = 0x100;
inline constexpr std::size_t vector_area_limit = 16384;

// A signal's floating-point area: XSAVE's standard form behind what FXSAVE writes.
struct vector_area {
  explicit vector_area(const ucontext_t &context);
  unsigned char *bytes;
  std::size_t size;          // all of it that is there
  std::uint64_t *components; // XSTATE_BV: a clear bit means the initial state; null if there is nothing but FXSAVE's part
};

// A component's place; size 0: this processor has none.
struct component_place {
  unsigned offset = 0, size = 0;
};
component_place place_of_component(unsigned number);

struct machine_state {
  greg_t general[REG_EFL + 1];
  unsigned char red_zone[128];
  unsigned char area[vector_area_limit];
  std::size_t area_size;

  void record(const ucontext_t &context);
};

// What differs, or null.
const char *difference(const machine_state &a, const machine_state &b, bool with_vectors);

} // namespace stillpoint::test

#endif
