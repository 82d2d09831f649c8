// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the signal handler reads from and changes in an interrupted context.
//
// Invariant: the 128 bytes below the interrupted stack pointer (the ABI's red zone) are never written.
#include "runtime/arch/arch.h"
#include "runtime/arch/x86_64/vector_save.h"

extern "C" void __stillpoint_async_preempt_plain();
extern "C" void __stillpoint_async_preempt_vector();

namespace stillpoint::rt::arch {
namespace {

constexpr std::size_t red_zone = 128;
constexpr std::size_t pushed_registers = 16 * 8; // RFLAGS and all general registers but RSP
constexpr std::size_t vector_alignment = 64;
// The C half, the scheduler's part on the task's stack, and the saved context.
constexpr std::size_t runtime_frames = 4096;

} // namespace

walk_registers interrupted_registers(const ucontext_t &context) noexcept {
  const auto &registers = context.uc_mcontext.gregs;
  return {static_cast<std::uintptr_t>(registers[REG_RIP]), static_cast<std::uintptr_t>(registers[REG_RSP]),
          static_cast<std::uintptr_t>(registers[REG_RBP])};
}

std::size_t injection_room(bool vector_live) noexcept {
  const std::size_t vectors = vector_live ? __stillpoint_vector_save.size + vector_alignment : 16;
  return red_zone + 8 + pushed_registers + vectors + runtime_frames;
}

void inject_preempt(ucontext_t &context, bool vector_live) noexcept {
  auto &registers = context.uc_mcontext.gregs;
  const auto sp = static_cast<std::uintptr_t>(registers[REG_RSP]) - red_zone - 8;
  *reinterpret_cast<std::uint64_t *>(sp) = static_cast<std::uint64_t>(registers[REG_RIP]);
  registers[REG_RSP] = static_cast<greg_t>(sp);
  registers[REG_RIP] = reinterpret_cast<greg_t>(vector_live ? &__stillpoint_async_preempt_vector : &__stillpoint_async_preempt_plain);
}

} // namespace stillpoint::rt::arch
