// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The two kinds of queue of runnable tasks: an intrusive list (under somebody's lock) and a processor's bounded ring that others steal
// from.
//
// Mechanism of the ring: only its processor pushes (tail); its processor and thieves take from the head by compare-and-swap. Thieves copy
// half of it before they claim it; a failed claim throws the copy away. Invariant: a task is in at most one queue. Task objects are never
// unmapped, so reading a stale entry is harmless. Rejected: an unbounded lock-free deque (memory to reclaim; the global queue takes the
// rest).
#ifndef STILLPOINT_RUNTIME_SCHED_QUEUE_H
#define STILLPOINT_RUNTIME_SCHED_QUEUE_H

#include "sched/core.h"

#include <array>

namespace stillpoint::rt {

// First in, first out; linked by task::next. Not thread safe.
class task_list {
public:
  [[nodiscard]] bool empty() const noexcept { return head_ == nullptr; }
  [[nodiscard]] task *front() const noexcept { return head_; }

  void push_back(task &t) noexcept {
    t.next = nullptr;
    (tail_ ? tail_->next : head_) = &t;
    tail_ = &t;
  }

  // Moves all of `other` behind what is here.
  void append(task_list &other) noexcept {
    if (other.empty())
      return;
    (tail_ ? tail_->next : head_) = other.head_;
    tail_ = other.tail_;
    other = {};
  }

  task *pop_front() noexcept {
    task *const t = head_;
    if (t) {
      head_ = t->next;
      if (!head_)
        tail_ = nullptr;
      t->next = nullptr;
    }
    return t;
  }

private:
  task *head_ = nullptr;
  task *tail_ = nullptr;
};

class run_queue {
public:
  static constexpr std::uint32_t capacity = 256;

  [[nodiscard]] std::uint32_t size() const noexcept {
    const std::uint32_t head = head_.load(std::memory_order_acquire);
    const std::uint32_t tail = tail_.load(std::memory_order_acquire);
    return tail - head <= capacity ? tail - head : 0; // a torn reading says nothing
  }
  [[nodiscard]] bool empty() const noexcept { return size() == 0; }

  // When the oldest entry was queued; `never` (all ones) if empty. Owner only.
  [[nodiscard]] std::uint64_t oldest() const noexcept {
    const std::uint32_t head = head_.load(std::memory_order_acquire);
    if (tail_.load(std::memory_order_relaxed) == head)
      return UINT64_MAX;
    return entries_[head % capacity].load(std::memory_order_relaxed)->queued_at.load(std::memory_order_relaxed);
  }

  // Owner only. False if full.
  bool push(task &t) noexcept {
    const std::uint32_t head = head_.load(std::memory_order_acquire); // pairs with the takers' release: their slots are free
    const std::uint32_t tail = tail_.load(std::memory_order_relaxed);
    if (tail - head >= capacity)
      return false;
    entries_[tail % capacity].store(&t, std::memory_order_relaxed);
    tail_.store(tail + 1, std::memory_order_release); // pairs with the thieves' acquire of the tail
    return true;
  }

  // Owner only: what pop() would return, unless a thief is faster.
  [[nodiscard]] const task *front() const noexcept {
    const std::uint32_t head = head_.load(std::memory_order_relaxed);
    return tail_.load(std::memory_order_relaxed) == head ? nullptr : entries_[head % capacity].load(std::memory_order_relaxed);
  }

  // Owner only.
  task *pop() noexcept {
    for (std::uint32_t head = head_.load(std::memory_order_acquire);;) {
      if (tail_.load(std::memory_order_relaxed) == head)
        return nullptr;
      task *const t = entries_[head % capacity].load(std::memory_order_relaxed);
      if (head_.compare_exchange_weak(head, head + 1, std::memory_order_acq_rel, std::memory_order_acquire))
        return t;
    }
  }

  // Owner only: what is in the ring now is ahead of what comes later.
  void mark() noexcept { mark_.store(tail_.load(std::memory_order_relaxed), std::memory_order_relaxed); }
  // Whether any of that is left. Any thread. Wrong 2^31 tasks later, unless the owner has called unmark() meanwhile.
  [[nodiscard]] bool marked() const noexcept {
    return static_cast<std::int32_t>(mark_.load(std::memory_order_relaxed) - head_.load(std::memory_order_relaxed)) > 0;
  }
  void unmark() noexcept { mark_.store(head_.load(std::memory_order_relaxed), std::memory_order_relaxed); }

  // Owner only, while nobody else takes anything (sole_use.h).
  task *pop_alone() noexcept {
    const std::uint32_t head = head_.load(std::memory_order_relaxed);
    if (tail_.load(std::memory_order_relaxed) == head)
      return nullptr;
    task *const t = entries_[head % capacity].load(std::memory_order_relaxed);
    head_.store(head + 1, std::memory_order_release); // pairs with take_half, later
    return t;
  }

  // Any thread: moves up to half (at least one) of the entries to `out`, oldest first; returns how many.
  std::uint32_t take_half(std::array<task *, capacity / 2> &out) noexcept {
    for (std::uint32_t head = head_.load(std::memory_order_acquire);;) {
      const std::uint32_t tail = tail_.load(std::memory_order_acquire); // pairs with push
      const std::uint32_t count = tail - head - (tail - head) / 2;
      if (count == 0)
        return 0;
      if (count > capacity / 2) { // head and tail were not read together
        head = head_.load(std::memory_order_acquire);
        continue;
      }
      for (std::uint32_t i = 0; i < count; ++i)
        out[i] = entries_[(head + i) % capacity].load(std::memory_order_relaxed);
      if (head_.compare_exchange_weak(head, head + count, std::memory_order_acq_rel, std::memory_order_acquire))
        return count;
    }
  }

private:
  alignas(64) std::atomic<std::uint32_t> head_{0};
  alignas(64) std::atomic<std::uint32_t> tail_{0};
  std::atomic<std::uint32_t> mark_{0};
  std::array<std::atomic<task *>, capacity> entries_{};
};

} // namespace stillpoint::rt

#endif
