// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the signal handler reads from and changes in an interrupted context, and where a stopped task's registers are.
//
// Invariant: the 128 bytes below the interrupted stack pointer (the ABI's red zone) are never written.
#include "runtime/arch/arch.h"
#include "runtime/arch/x86_64/vector_save.h"
#include "runtime/sched/core.h"

extern "C" void __stillpoint_async_preempt_plain();
extern "C" void __stillpoint_async_preempt_vector();

namespace stillpoint::rt::arch {
namespace {

constexpr std::size_t red_zone = 128;
constexpr std::size_t pushed_registers = 16 * 8; // RFLAGS and all general registers but RSP
constexpr std::size_t vector_alignment = 64;
// The C half, the scheduler's part on the task's stack, and the saved context.
constexpr std::size_t runtime_frames = 4096;

// What async_preempt.S pops, from the first pop up.
struct saved_area {
  std::uintptr_t r15, r14, r13, r12, r11, r10, r9, r8, rdi, rsi, rbp, rbx, rdx, rcx, rax, flags, pc;
};
static_assert(sizeof(saved_area) == pushed_registers + sizeof(std::uintptr_t));

} // namespace

walk_registers interrupted_registers(const ucontext_t &context) noexcept {
  const auto &registers = context.uc_mcontext.gregs;
  return {static_cast<std::uintptr_t>(registers[REG_RIP]), static_cast<std::uintptr_t>(registers[REG_RSP]),
          static_cast<std::uintptr_t>(registers[REG_RBP])};
}

register_places interrupted_places(std::uintptr_t saved) noexcept {
  auto &a = *reinterpret_cast<saved_area *>(saved);
  return {a.pc,
          saved + sizeof(saved_area) + red_zone,
          {&a.rax, &a.rcx, &a.rdx, &a.rbx, nullptr, &a.rbp, &a.rsi, &a.rdi, &a.r8, &a.r9, &a.r10, &a.r11, &a.r12, &a.r13, &a.r14, &a.r15}};
}

void continue_at(std::uintptr_t saved, std::uintptr_t pc) noexcept { reinterpret_cast<saved_area *>(saved)->pc = pc; }

walk_registers saved_registers(std::uintptr_t saved) noexcept {
  const auto &a = *reinterpret_cast<const saved_area *>(saved);
  return {a.pc, saved + sizeof(saved_area) + red_zone, a.rbp};
}

register_places context_places(ucontext_t &context) noexcept {
  static constexpr int number_in_context[general_register_count] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
                                                                    REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};
  auto &registers = context.uc_mcontext.gregs;
  register_places p{static_cast<std::uintptr_t>(registers[REG_RIP]), static_cast<std::uintptr_t>(registers[REG_RSP]), {}};
  for (unsigned r = 0; r < general_register_count; ++r)
    if (r != register_rsp)
      p.at[r] = reinterpret_cast<std::uintptr_t *>(&registers[number_in_context[r]]);
  return p;
}

register_places caller_places(const managed_caller &caller) noexcept {
  register_places p{caller.pc, caller.sp, {}};
  auto *const frame = reinterpret_cast<std::uintptr_t *>(caller.saved);
  for (unsigned r = 0; frame != nullptr && r < abi::saved_register_count; ++r) // pushed in this order
    p.at[saved_register_number[r]] = frame - r;
  return p;
}

std::size_t injection_room(bool vector_live) noexcept {
  const std::size_t vectors = vector_live ? __stillpoint_vector_save.size + vector_alignment : 16;
  return red_zone + 8 + pushed_registers + vectors + runtime_frames;
}

std::uintptr_t inject_preempt(ucontext_t &context, bool vector_live) noexcept {
  auto &registers = context.uc_mcontext.gregs;
  const auto value = [&](int number) { return static_cast<std::uintptr_t>(registers[number]); };
  const std::uintptr_t saved = value(REG_RSP) - red_zone - sizeof(saved_area);
  *reinterpret_cast<saved_area *>(saved) = {value(REG_R15), value(REG_R14), value(REG_R13), value(REG_R12), value(REG_R11), value(REG_R10),
                                            value(REG_R9),  value(REG_R8),  value(REG_RDI), value(REG_RSI), value(REG_RBP), value(REG_RBX),
                                            value(REG_RDX), value(REG_RCX), value(REG_RAX), value(REG_EFL), value(REG_RIP)};
  registers[REG_RSP] = registers[REG_RBP] = static_cast<greg_t>(saved);
  registers[REG_RIP] = reinterpret_cast<greg_t>(vector_live ? &__stillpoint_async_preempt_vector : &__stillpoint_async_preempt_plain);
  return saved;
}

} // namespace stillpoint::rt::arch
