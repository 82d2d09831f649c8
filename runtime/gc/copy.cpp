// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Copies of memory that holds references, too large or too unknown for the compiler to spell out.
//
// Problem: every reference that is copied has to pass the write barrier, and a large copy must not keep its task from being stopped.
// Mechanism: piece by piece, copied first, then shaded while references are being marked; between pieces the task may be stopped, so the
// managed caller is recorded. Nobody says which words are references: each aligned word is shaded if it points to an object.
// Invariants: no stop between a piece's copy and its barrier. The caller keeps both objects alive over the call.
// Rejected: a layout as an argument (the optimizer has lost it where it would matter; an integer that looks like a reference costs no more
// than a collection's delay).
#include "stillpoint/gc/entry.hpp"

#include "gc/heap.h"
#include "gc/mark.h"
#include "sched/park.h"

#include <algorithm>
#include <cstring>

namespace stillpoint::rt::gc {
namespace {

constexpr std::size_t piece = std::size_t{32} << 10;

void shade_words(const char *at, std::size_t bytes) noexcept {
  if (!heap_now.marking.load(std::memory_order_relaxed))
    return;
  cache *const mine = this_cache();
  const std::uintptr_t end = (reinterpret_cast<std::uintptr_t>(at) + bytes) & ~std::uintptr_t{7};
  for (std::uintptr_t word = (reinterpret_cast<std::uintptr_t>(at) + 7) & ~std::uintptr_t{7}; word < end; word += 8) {
    const std::uintptr_t value = __atomic_load_n(reinterpret_cast<std::uintptr_t *>(word), __ATOMIC_RELAXED);
    if (value != 0 && find(value))
      mine ? mark(*mine, value) : mark_from_outside(value);
  }
}

void copy_piece(char *to, const char *from, std::size_t bytes) noexcept {
  std::memmove(to, from, bytes);
  shade_words(to, bytes);
}

[[gnu::noinline]] void copy_in_pieces(void *to, const void *from, std::size_t bytes) {
  const managed_caller caller = STILLPOINT_MANAGED_CALLER();
  auto *const out = static_cast<char *>(to);
  const auto *const in = static_cast<const char *>(from);
  const bool from_the_end = reinterpret_cast<std::uintptr_t>(to) - reinterpret_cast<std::uintptr_t>(from) < bytes;
  for (std::size_t done = 0; done < bytes; done += piece) {
    const std::size_t size = std::min(piece, bytes - done);
    const std::size_t at = from_the_end ? bytes - done - size : done;
    copy_piece(out + at, in + at, size);
    preempt::stop_if_wanted(caller);
  }
}

} // namespace
} // namespace stillpoint::rt::gc

extern "C" void __stillpoint_copy_references(void *to, const void *from, std::size_t bytes) {
  using namespace stillpoint::rt::gc;
  if (bytes > piece) [[clang::musttail]]
    return copy_in_pieces(to, from, bytes);
  copy_piece(static_cast<char *>(to), static_cast<const char *>(from), bytes);
}
