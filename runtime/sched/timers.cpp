// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See timers.h.
#include "sched/timers.h"

#include "fatal.h"

#include <algorithm>
#include <array>

namespace stillpoint::rt {

std::uint32_t timers::take_slot(timer &t) noexcept {
  std::uint32_t s = free_;
  if (s != timer::no_slot) {
    free_ = slots_[s].next_free;
  } else {
    if (slots_.size() == timer::no_slot)
      fatal("too many timers");
    s = static_cast<std::uint32_t>(slots_.size());
    slots_.emplace_back();
  }
  slots_[s].set = &t;
  t.slot_ = s;
  return s;
}

void timers::free_slot(std::uint32_t s) noexcept {
  slots_[s] = {nullptr, free_};
  free_ = s;
}

void timers::sift_up(std::size_t place, entry e) noexcept {
  while (place != 0) {
    const std::size_t parent = (place - 1) / children;
    if (!before(e, heap_[parent]))
      break;
    heap_[place] = heap_[parent];
    place = parent;
  }
  heap_[place] = e;
}

void timers::sift_down(std::size_t place, entry e) noexcept {
  const std::size_t size = heap_.size();
  for (;;) {
    const std::size_t first = children * place + 1;
    if (first >= size)
      break;
    std::size_t best = first;
    for (std::size_t child = first + 1; child < std::min(first + children, size); ++child)
      if (before(heap_[child], heap_[best]))
        best = child;
    if (!before(heap_[best], e))
      break;
    heap_[place] = heap_[best];
    place = best;
  }
  heap_[place] = e;
}

void timers::pop() noexcept {
  free_slot(heap_.front().slot);
  const entry last = heap_.back();
  heap_.pop_back();
  if (!heap_.empty())
    sift_down(0, last);
}

// The first entry has to be one that will fire, else `earliest` wakes somebody for nothing.
void timers::drop_cancelled() noexcept {
  while (!heap_.empty() && !slots_[heap_.front().slot].set) {
    --cancelled_;
    pop();
  }
}

void timers::compact() noexcept {
  const auto end = std::remove_if(heap_.begin(), heap_.end(), [this](const entry &e) STILLPOINT_UNCHECKED_LOCKING {
    if (slots_[e.slot].set)
      return false;
    free_slot(e.slot);
    return true;
  });
  heap_.erase(end, heap_.end());
  cancelled_ = 0;
  if (heap_.size() > 1)
    for (std::size_t place = (heap_.size() - 2) / children + 1; place-- > 0;)
      sift_down(place, heap_[place]);
}

void timers::publish() noexcept { earliest_.store(heap_.empty() ? never : heap_.front().when, std::memory_order_seq_cst); }

// Takes `t` out of its slot, if it is set. The heap of another run() may have been here meanwhile.
bool timers::detach(timer &t) noexcept {
  const std::uint32_t s = t.slot_;
  t.slot_ = timer::no_slot;
  if (s >= slots_.size() || slots_[s].set != &t)
    return false;
  slots_[s].set = nullptr;
  ++cancelled_;
  if (cancelled_ > heap_.size() / 2 && heap_.size() >= 64)
    compact();
  return true;
}

// noexcept: a bad_alloc ends the program.
bool timers::set(timer &t, std::uint64_t when) noexcept {
  const lock_guard held(mutex_);
  detach(t);
  t.when = when;
  const entry e{when, order_++, take_slot(t)};
  heap_.push_back(e);
  sift_up(heap_.size() - 1, e);
  drop_cancelled();
  publish();
  return heap_.front().slot == e.slot;
}

bool timers::cancel(timer &t) noexcept {
  const lock_guard held(mutex_);
  if (!detach(t))
    return false;
  drop_cancelled();
  publish();
  return true;
}

// Some at a time: a timer on a cold stack is on its way while others are taken out of the heap.
unsigned timers::fire(std::uint64_t now, unsigned limit, task_list &wake) noexcept {
  std::array<timer *, 16> due;
  unsigned count = 0;
  for (std::size_t taken = due.size(); taken == due.size();) {
    const std::size_t most = std::min<std::size_t>(due.size(), limit - count);
    for (taken = 0; taken < most && !heap_.empty() && heap_.front().when <= now; ++taken) {
      due[taken] = slots_[heap_.front().slot].set;
      __builtin_prefetch(due[taken], 1);
      pop();
      drop_cancelled();
    }
    for (std::size_t i = 0; i < taken; ++i) {
      due[i]->slot_ = timer::no_slot;
      due[i]->fire(*due[i], wake);
    }
    count += static_cast<unsigned>(taken);
  }
  publish();
  return count;
}

unsigned timers::fire_due(std::uint64_t now, unsigned limit, task_list &wake) noexcept {
  const lock_guard held(mutex_);
  return fire(now, limit, wake);
}

unsigned timers::try_fire_due(std::uint64_t now, unsigned limit, task_list &wake) noexcept {
  if (!mutex_.try_acquire())
    return 0;
  const unsigned count = fire(now, limit, wake);
  mutex_.release();
  return count;
}

std::size_t timers::entries() noexcept {
  const lock_guard held(mutex_);
  return heap_.size();
}

} // namespace stillpoint::rt
