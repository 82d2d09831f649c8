// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Task stacks: reserved in slabs, committed by the kernel on first use, each with a guard below it.
//
// Problem: a hundred thousand stacks must neither cost memory that is not used nor run into the kernel's limit on mappings (65,530).
// Mechanism: one mmap (MAP_NORESERVE) holds many slots of one size class; neighbouring maps merge. A slot is guard_size bytes of guard and
// the stack above it. MADV_GUARD_INSTALL (Linux 6.13) makes the guard without splitting the mapping; older kernels get mprotect, which
// costs
// two mappings a stack. Transparent huge pages are off for slabs: one touched page would commit 2 MiB.
// Invariants: slots never go back to the system, so their addresses and records stay valid; a guard, once made, stays. A free slot is
// warm (pages kept) or cold (pages given back); once there is time, at most `warm_limit` bytes of warm slots are kept, and a few of each size.
// Rejected: one mmap a stack (limit on mappings), heap memory (no guard), growing by copying (C++ has pointers into the stack).
#ifndef STILLPOINT_RUNTIME_STACK_STACK_H
#define STILLPOINT_RUNTIME_STACK_STACK_H

#include <cstddef>
#include <cstdint>
#include <span>

namespace stillpoint::rt {

struct task;

namespace stack {

inline constexpr std::size_t default_size = std::size_t{256} << 10;
inline constexpr std::size_t main_size = std::size_t{8} << 20;
inline constexpr std::size_t min_size = std::size_t{16} << 10;
inline constexpr std::size_t max_size = std::size_t{1} << 30;
// Larger than a page, so that a frame that skips a page or two still lands in it.
inline constexpr std::size_t guard_size = std::size_t{64} << 10;

// One slot's record.
struct slot {
  std::uintptr_t low = 0;  // lowest usable address; the guard is [low - guard_size, low)
  std::uintptr_t high = 0; // one past the highest
  unsigned size_class = 0;
  bool guarded = false;
  bool cold = true; // holds no pages
  slot *next = nullptr;
};

// A stack of at least `size` usable bytes (rounded up to a power of two). Throws std::bad_alloc if there is no address space or memory,
// or the limit on mappings is hit. `size` must lie in [min_size, max_size]. Any thread; takes the pool's lock.
slot &allocate(std::size_t size);

// Gives a stack back; nobody may run on it. Any thread; takes the pool's lock.
void release(slot &s) noexcept;
void release(std::span<slot *const> some) noexcept;
// Gives back the pages of some free slots, if too many are kept; true: look again. For workers that have nothing else to do.
bool cool_some() noexcept;
// Whether `address` lies in the task's guard: a stack overflow. Signal safe.
bool in_guard(const task &t, std::uintptr_t address) noexcept;

// Whether guards are made without splitting mappings here (Linux 6.13 and later).
bool has_light_guards() noexcept;

// pthread_atfork.
void lock_for_fork() noexcept;
void unlock_after_fork() noexcept;

} // namespace stack
} // namespace stillpoint::rt

#endif
