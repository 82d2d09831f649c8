// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A fresh task's first context: the frame that __stillpoint_switch_context (switch_context.S) pops, made by hand.
//
// Invariant: the stack pointer is 16-byte aligned when __stillpoint_task_start begins, as that function's call expects.
#include "runtime/arch/arch.h"

#include <cstring>

extern "C" void __stillpoint_task_start();
extern "C" const char __stillpoint_task_base[];

namespace stillpoint::rt::arch {
namespace {

// From a saved context's stack pointer up, in the order of the pops.
struct context_frame {
  std::uint64_t r15, r14, r13, r12, rbx, rbp, return_address;
};
static_assert(sizeof(context_frame) == 56 && offsetof(context_frame, rbx) == 32 && offsetof(context_frame, return_address) == 48);

} // namespace

void *make_context(std::uintptr_t stack_high, void (*entry)(void *), void *argument, void (*finished)()) noexcept {
  // 16 bytes of zeroes on top end the stack for a walker that reads frame pointers only.
  const std::uintptr_t top = (stack_high & ~std::uintptr_t{15}) - 16;
  std::memset(reinterpret_cast<void *>(top), 0, 16);
  context_frame frame{};
  frame.rbx = reinterpret_cast<std::uint64_t>(entry);
  frame.r12 = reinterpret_cast<std::uint64_t>(argument);
  frame.r13 = reinterpret_cast<std::uint64_t>(finished);
  frame.return_address = reinterpret_cast<std::uint64_t>(&__stillpoint_task_start);
  void *const context = reinterpret_cast<void *>(top - sizeof(context_frame));
  std::memcpy(context, &frame, sizeof(frame));
  return context;
}

std::uintptr_t task_base() noexcept { return reinterpret_cast<std::uintptr_t>(&__stillpoint_task_base[0]); }

} // namespace stillpoint::rt::arch
