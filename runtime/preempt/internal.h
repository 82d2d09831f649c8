// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the files of runtime/preempt share among themselves.
#ifndef STILLPOINT_RUNTIME_PREEMPT_INTERNAL_H
#define STILLPOINT_RUNTIME_PREEMPT_INTERNAL_H

#include "runtime/sched/core.h"

#include <atomic>
#include <cstdint>
#include <ctime>
#include <string_view>

namespace stillpoint::rt::preempt {

// This process's id, kept because the handler compares it; written again in the child of a fork().
extern std::atomic<int> process_id;

void install_preempt_handler() noexcept;    // SIGURG
void install_fault_handlers() noexcept;     // SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT
void find_thread_state(worker &w) noexcept; // on its own thread

struct stop_plan;
// The task will run no managed code before it has left its worker; `saved` is where its registers are. In the handler, or on the task's stack right before
// __stillpoint_async_preempted().
void begin_stop(worker &w, task &t, const stop_plan &plan, int errno_value, std::uintptr_t saved) noexcept;
extern "C" void __stillpoint_async_preempted() noexcept;

inline std::uint64_t now_ns() noexcept {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<std::uint64_t>(t.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(t.tv_nsec);
}

inline void count(std::atomic<std::uint64_t> &counter) noexcept { counter.fetch_add(1, std::memory_order_relaxed); }

} // namespace stillpoint::rt::preempt

#endif
