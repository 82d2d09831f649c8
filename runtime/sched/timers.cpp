// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See timers.h.
#include "sched/timers.h"

#include <algorithm>

namespace stillpoint::rt {

// noexcept: a bad_alloc ends the program.
void timers::add(task &t, std::uint64_t when) noexcept {
  const lock_guard held(mutex_);
  heap_.push_back({when, order_++, &t});
  std::push_heap(heap_.begin(), heap_.end(), later);
  earliest_.store(heap_.front().when, std::memory_order_seq_cst);
}

unsigned timers::take_due(std::uint64_t now, unsigned limit, task_list &out) noexcept {
  unsigned count = 0;
  const lock_guard held(mutex_);
  while (count < limit && !heap_.empty() && heap_.front().when <= now) {
    out.push_back(*heap_.front().sleeper);
    std::pop_heap(heap_.begin(), heap_.end(), later);
    heap_.pop_back();
    ++count;
  }
  earliest_.store(heap_.empty() ? never : heap_.front().when, std::memory_order_seq_cst);
  return count;
}

} // namespace stillpoint::rt
