// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The floating-point unit's control and status words, carried by each task: rounding mode, masked traps, sticky exception flags.
//
// Mechanism: plain stores to read them; to write, compare first, because a reload costs more than a store, and most tasks never change
// them. The x87 status word can only be written together with the whole environment (FLDENV), which is rare.
// Invariant: outside of tasks (on the scheduler's stack) the words are those of a fresh thread, but for MXCSR's sticky flags. No register
// of x87 is in use at any of these calls: the ABI wants that, and async_preempt.S sees to it.
#include "runtime/arch/arch.h"
#include "runtime/sched/core.h"

namespace stillpoint::rt::arch {
namespace {

constexpr std::uint32_t fresh_mxcsr = 0x1f80;
constexpr std::uint32_t mxcsr_sticky_flags = 0x3f;
constexpr std::uint16_t fresh_x87_control = 0x37f;

std::uint32_t read_mxcsr() noexcept {
  std::uint32_t value;
  asm volatile("stmxcsr %0" : "=m"(value));
  return value;
}

void write_mxcsr(std::uint32_t value) noexcept { asm volatile("ldmxcsr %0" : : "m"(value)); }

std::uint16_t read_x87_control() noexcept {
  std::uint16_t value;
  asm volatile("fnstcw %0" : "=m"(value));
  return value;
}

std::uint16_t read_x87_status() noexcept {
  std::uint16_t value;
  asm volatile("fnstsw %0" : "=m"(value));
  return value;
}

void write_x87_words(std::uint16_t control, std::uint16_t status) noexcept {
  struct {
    std::uint16_t control, unused0, status, unused1, tags, unused2;
    std::uint32_t pointers[4];
  } environment;
  static_assert(sizeof environment == 28);
  asm volatile("fnstenv %0" : "=m"(environment));
  environment.control = control;
  environment.status = status;
  asm volatile("fldenv %0" : : "m"(environment));
}

} // namespace

void read_float_words(thread_image &image) noexcept { read_float_words(image.mxcsr, image.x87_control, image.x87_status); }

void write_float_words(const thread_image &image) noexcept {
  if (read_mxcsr() != image.mxcsr)
    write_mxcsr(image.mxcsr);
  if (read_x87_control() != image.x87_control || read_x87_status() != image.x87_status)
    write_x87_words(image.x87_control, image.x87_status);
}

void reset_float_words() noexcept {
  if (((read_mxcsr() ^ fresh_mxcsr) & ~mxcsr_sticky_flags) != 0)
    write_mxcsr(fresh_mxcsr);
  if (read_x87_control() != fresh_x87_control || read_x87_status() != 0)
    asm volatile("fninit");
}

} // namespace stillpoint::rt::arch
