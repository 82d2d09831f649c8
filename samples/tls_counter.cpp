// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Compiled with -fPIC into a shared library, so that `mine` is found by a call of __tls_get_addr. LLVM makes that call once, before the loop,
// and keeps the address in a register: a task that were stopped in the loop and went on on another thread would count in the wrong thread's
// counter, at the same time as that thread. Such points are pinned: the task is stopped, and goes on on the same thread.
//
// The addition is one instruction without a lock prefix (INCQ). Tasks of one thread cannot come between its halves, but two threads can: a
// count is lost if ever a task is moved.
#include "tls_counter.h"

#include <atomic>
#include <cstddef>
#include <cstdlib>

namespace {

struct cell {
  std::atomic<std::uint64_t> count{0};
  std::atomic<bool> listed{false};
};

constinit thread_local cell mine;

constexpr std::size_t most_threads = 4096;
cell *cells[most_threads];
std::atomic<std::size_t> cell_count{0};

// The exchange lets one task of the thread do it, even if others of that thread get a turn in the middle.
void list(cell &c) {
  if (c.listed.exchange(true, std::memory_order_relaxed))
    return;
  const std::size_t index = cell_count.fetch_add(1, std::memory_order_relaxed);
  if (index >= most_threads)
    std::abort();
  cells[index] = &c;
}

} // namespace

void tls_counter::count(std::uint64_t rounds) {
  cell &c = mine;
  list(c);
  for (std::uint64_t i = 0; i < rounds; ++i)
    c.count.store(c.count.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
}

std::uint64_t tls_counter::sum() {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < cell_count.load(std::memory_order_relaxed); ++i)
    sum += cells[i]->count.load(std::memory_order_relaxed);
  return sum;
}
