// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How async_preempt.S saves vector state on this processor; the assembly reads it by the offsets below.
#ifndef STILLPOINT_RUNTIME_ARCH_X86_64_VECTOR_SAVE_H
#define STILLPOINT_RUNTIME_ARCH_X86_64_VECTOR_SAVE_H

#define STILLPOINT_VECTOR_SAVE_MASK 0
#define STILLPOINT_VECTOR_SAVE_SIZE 4
#define STILLPOINT_VECTOR_SAVE_MODE 8
#define STILLPOINT_SAVE_BY_FXSAVE 0
#define STILLPOINT_SAVE_BY_XSAVE 1
#define STILLPOINT_SAVE_BY_XSAVEC 2

#ifndef __ASSEMBLER__
#include <cstddef>
#include <cstdint>

namespace stillpoint::rt::arch {

struct vector_save {
  std::uint32_t mask; // components, as in XCR0; the upper half is never wanted
  std::uint32_t size; // of the area, in bytes
  std::uint32_t mode; // STILLPOINT_SAVE_BY_...
};
static_assert(offsetof(vector_save, mask) == STILLPOINT_VECTOR_SAVE_MASK);
static_assert(offsetof(vector_save, size) == STILLPOINT_VECTOR_SAVE_SIZE);
static_assert(offsetof(vector_save, mode) == STILLPOINT_VECTOR_SAVE_MODE);

// Written by initialize() before the first injection, by tests that try the other modes, and by nobody else.
extern "C" vector_save __stillpoint_vector_save;

// What the processor offers, with modes above `best_mode` left alone.
vector_save detect_vector_save(std::uint32_t best_mode) noexcept;

} // namespace stillpoint::rt::arch
#endif

#endif
