// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The channel's protocol: what is done under its lock, and who wakes whom. As Go's, with the waiters on the waiting tasks' stacks.
//
// Mechanism. A channel has a ring of slots and two queues of waiters, senders and receivers (and those who watch for a receiver). Who finds a partner waiting takes it out of its
// queue under the lock, gives the lock back, moves the value (the partner is parked: its variables lie still) and wakes it. Who finds nobody puts
// itself into a queue and parks; the lock is given back on the scheduler's stack (park.h). A select puts a waiter into the queue of each of its
// channels; whoever wants one of them must first claim the select's group, once; a timer claims it in the same way.
//
// Invariants:
//  - Values are in the buffer only if no receiver waits; a sender waits only if the buffer is full; nobody waits in a closed channel.
//  - A waiter that was taken out and claimed belongs to who took it, until it is woken. It is on a parked task's stack, so its task must not be
//    resumed earlier: a select that was woken takes every lock once more, which its commit and all who looked at its waiters have given back.
//  - Behind the release of its lock nobody touches a channel.
//  - A waiter of a run() that is over waits for nothing: it is dropped where it is met.
//
// Everything is a template over the platform (lock, atomics, tasks), so that test/sync runs the same text through all interleavings.
// Rejected: waking a partner under the lock (it would run into it); waiters enqueued without all locks of the select (two selects that face each
// other have to claim two groups at once).
#ifndef STILLPOINT_RUNTIME_SYNC_CHANNEL_H
#define STILLPOINT_RUNTIME_SYNC_CHANNEL_H

#include "stillpoint/chan.hpp"

#include <cstddef>
#include <cstdint>

namespace stillpoint::rt::sync {

using detail::attempt;
using detail::element_type;

// A platform has: lock (acquire, release), atomic<T>, task, wake(task &), alive(const task &).
template <class P>
struct waiter_group;

template <class P>
struct waiter {
  typename P::task *who = nullptr;
  void *value = nullptr;            // a sender's variable, or where a receiver wants it
  waiter_group<P> *group = nullptr; // the select's, else null
  waiter *next = nullptr;
  waiter *previous = nullptr;
  bool queued = false;
  bool completed = false; // by a partner; else the channel was closed
};

// The waiters of one select: the first claim wins.
template <class P>
struct waiter_group {
  typename P::template atomic<waiter<P> *> winner{nullptr};

  bool claim(waiter<P> &w) noexcept {
    waiter<P> *nobody = nullptr;
    // What the claimer does becomes visible by the wake-up; relaxed would do but for the timer, which has no lock.
    return winner.compare_exchange_strong(nobody, &w, std::memory_order_acq_rel, std::memory_order_acquire);
  }
};

// First in, first out, and out of the middle.
template <class P>
class waiter_queue {
public:
  // Also without the lock, for a look.
  [[nodiscard]] bool empty() const noexcept { return first_.load(std::memory_order_relaxed) == nullptr; }
  [[nodiscard]] waiter<P> *first() const noexcept { return first_.load(std::memory_order_relaxed); }

  void push_back(waiter<P> &w) noexcept {
    w.next = nullptr;
    w.previous = last_;
    w.queued = true;
    if (last_)
      last_->next = &w;
    else
      first_.store(&w, std::memory_order_relaxed);
    last_ = &w;
  }

  void remove(waiter<P> &w) noexcept {
    if (w.previous)
      w.previous->next = w.next;
    else
      first_.store(w.next, std::memory_order_relaxed);
    (w.next ? w.next->previous : last_) = w.previous;
    w.queued = false;
  }

  // The first that still waits, now the caller's; null if there is none.
  waiter<P> *take() noexcept {
    while (waiter<P> *const w = first()) {
      remove(*w);
      if (P::alive(*w->who) && (!w->group || w->group->claim(*w)))
        return w;
    }
    return nullptr;
  }

  // The first, if it is no select's, now the caller's; else null, and take() is to be asked.
  waiter<P> *take_plain() noexcept {
    waiter<P> *const w = first();
    if (!w || w->group || !P::alive(*w->who))
      return nullptr;
    remove(*w);
    return w;
  }

private:
  typename P::template atomic<waiter<P> *> first_{nullptr};
  waiter<P> *last_ = nullptr;
};

inline void copy_words(void *to, const void *from, std::size_t size) noexcept {
  auto *const target = static_cast<std::uint64_t *>(to);
  const auto *const source = static_cast<const std::uint64_t *>(from);
  target[0] = source[0];
  if (size != sizeof(std::uint64_t))
    target[1] = source[1];
}

// How an operation went. With a partner: finish it behind the lock.
template <class P>
struct progress {
  attempt result;
  waiter<P> *partner = nullptr;
};

template <class P>
class alignas(64) basic_channel : public detail::channel {
public:
  basic_channel(const element_type &type, std::size_t slots, void *memory) noexcept
      : end_(slots * type.size), buffer_(static_cast<char *>(memory)), type_(&type) {
    capacity = slots;
  }

  typename P::lock mutex;

  // Without the lock: whether a send or a receive would go on at once now. Each is one look at one word, and at `closed`, which never ends.
  [[nodiscard]] bool send_would_go() const noexcept {
    return (capacity ? count.load(std::memory_order_relaxed) < capacity : !receivers_.empty()) || closed();
  }
  [[nodiscard]] bool receive_would_go() const noexcept {
    return (capacity ? count.load(std::memory_order_relaxed) != 0 : !senders_.empty()) || closed();
  }
  // Acquire: pairs with close(). What happened before is seen with it.
  [[nodiscard]] bool closed() const noexcept { return closed_.load(std::memory_order_acquire); }

  // All that follow: with the lock.

  // The common cases, which need no partner.
  [[nodiscard]] bool only_room() const noexcept {
    return count.load(std::memory_order_relaxed) < capacity && receivers_.empty() && !closed_.load(std::memory_order_relaxed);
  }
  [[nodiscard]] bool only_values() const noexcept { return count.load(std::memory_order_relaxed) != 0 && senders_.empty(); }
  // Whether begin_send() and begin_receive() would say that they would wait.
  [[nodiscard]] bool send_would_wait() const noexcept {
    return count.load(std::memory_order_relaxed) == capacity && receivers_.empty() && !closed_.load(std::memory_order_relaxed);
  }
  [[nodiscard]] bool receive_would_wait() const noexcept {
    return count.load(std::memory_order_relaxed) == 0 && senders_.empty() && !closed_.load(std::memory_order_relaxed);
  }
  // Whether values are one or two words, copied without a call.
  [[nodiscard]] bool of_words() const noexcept { return !type_->store; }
  void put_words(void *value) noexcept {
    copy_words(buffer_ + in_, value, type_->size);
    advance(in_);
    count.store(count.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }
  void get_words(void *into) noexcept {
    copy_words(into, buffer_ + out_, type_->size);
    advance(out_);
    count.store(count.load(std::memory_order_relaxed) - 1, std::memory_order_relaxed);
  }
  void put(void *value) noexcept {
    store(buffer_ + in_, value);
    advance(in_);
    count.store(count.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }
  void get(void *into) noexcept {
    char *const slot = buffer_ + out_;
    deliver(into, slot);
    if (type_->discard)
      type_->discard(slot);
    advance(out_);
    count.store(count.load(std::memory_order_relaxed) - 1, std::memory_order_relaxed);
  }

  // The next common case: a plain waiter, and words that go from variable to variable. Null: begin_send() or begin_receive() knows. Else the partner, to
  // be woken behind the lock.
  typename P::task *hand_words(void *value) noexcept {
    waiter<P> *const w = receivers_.take_plain();
    if (!w)
      return nullptr;
    copy_words(w->value, value, type_->size);
    w->completed = true;
    return w->who;
  }
  typename P::task *fetch_words(void *into) noexcept {
    if (capacity != 0)
      return nullptr;
    waiter<P> *const w = senders_.take_plain();
    if (!w)
      return nullptr;
    copy_words(into, w->value, type_->size);
    w->completed = true;
    return w->who;
  }

  progress<P> begin_send(void *value) noexcept {
    if (closed_.load(std::memory_order_relaxed))
      return {attempt::closed};
    if (waiter<P> *const w = receivers_.take())
      return {attempt::done, w};
    if (count.load(std::memory_order_relaxed) == capacity)
      return {attempt::would_wait};
    put(value);
    return {attempt::done};
  }

  progress<P> begin_receive(void *into) noexcept {
    if (count.load(std::memory_order_relaxed) != 0) {
      get(into);
      waiter<P> *const w = senders_.take();
      if (w)
        put(w->value);
      return {attempt::done, w};
    }
    if (waiter<P> *const w = senders_.take())
      return {attempt::done, w};
    return {closed_.load(std::memory_order_relaxed) ? attempt::closed : attempt::would_wait};
  }

  void wait_to_send(waiter<P> &w) noexcept { senders_.push_back(w); }
  void wait_to_receive(waiter<P> &w) noexcept {
    receivers_.push_back(w);
    while (waiter<P> *const watcher = watchers_.take()) [[unlikely]]
      P::wake(*watcher->who); // it finds us here when the commit has given the lock back
  }
  void stop_waiting(waiter<P> &w, bool sends) noexcept {
    if (w.queued)
      (sends ? senders_ : receivers_).remove(w);
  }

  // Who waits to receive and is not somebody's yet; null: nobody. Its task cannot go on while the lock is held: a plain receive is woken by who
  // takes it out, a select takes the lock.
  [[nodiscard]] typename P::task *receiver() const noexcept {
    for (waiter<P> *w = receivers_.first(); w; w = w->next)
      if (P::alive(*w->who) && (!w->group || !w->group->winner.load(std::memory_order_acquire))) // pairs with claim()
        return w->who;
    return nullptr;
  }
  // Until somebody waits to receive, or the channel is closed.
  void wait_for_receiver(waiter<P> &w) noexcept { watchers_.push_back(w); }

  // False if it was closed already. `woken`: those who waited, linked by next, to be woken behind the lock.
  bool begin_close(waiter<P> *&woken) noexcept {
    if (closed_.load(std::memory_order_relaxed))
      return false;
    closed_.store(true, std::memory_order_release); // pairs with closed()
    waiter<P> **link = &woken;
    for (waiter_queue<P> *const queue : {&receivers_, &senders_, &watchers_})
      while (waiter<P> *const w = queue->take()) {
        *link = w;
        link = &w->next;
      }
    *link = nullptr;
    return true;
  }

  // Behind the lock, with the partner of begin_send or begin_receive. The channel may be gone when this returns.
  static void finish_send(const element_type &type, waiter<P> &partner, void *value) noexcept {
    deliver(type, partner.value, value);
    complete(partner);
  }
  // `direct`: the channel has no buffer, so the value is still the sender's.
  static void finish_receive(const element_type &type, waiter<P> &partner, void *into, bool direct) noexcept {
    if (direct)
      deliver(type, into, partner.value);
    complete(partner);
  }
  static void finish_close(waiter<P> *woken) noexcept {
    while (woken) {
      waiter<P> *const next = woken->next;
      P::wake(*woken->who); // its stack is its own again
      woken = next;
    }
  }

  [[nodiscard]] const element_type &type() const noexcept { return *type_; }

  // The last handle is gone.
  [[nodiscard]] bool anybody_waits() noexcept { return receivers_.take() || senders_.take() || watchers_.take(); }
  void discard_all() noexcept {
    for (std::size_t left = type_->discard ? count.load(std::memory_order_relaxed) : 0; left != 0; --left) {
      type_->discard(buffer_ + out_);
      advance(out_);
    }
    if (buffer_)
      type_->give_back(buffer_);
  }

private:
  static void complete(waiter<P> &partner) noexcept {
    partner.completed = true;
    P::wake(*partner.who);
  }
  static void deliver(const element_type &type, void *into, void *value) noexcept {
    if (type.deliver)
      type.deliver(into, value);
    else
      copy_words(into, value, type.size);
  }
  void deliver(void *into, void *value) noexcept { deliver(*type_, into, value); }
  void store(void *slot, void *value) noexcept {
    if (type_->store)
      type_->store(slot, value);
    else
      copy_words(slot, value, type_->size);
  }
  void advance(std::size_t &place) const noexcept {
    place += type_->size;
    if (place == end_)
      place = 0;
  }

  typename P::template atomic<bool> closed_{false};
  std::size_t in_ = 0; // bytes from the buffer's beginning
  std::size_t out_ = 0;
  const std::size_t end_;
  char *const buffer_;
  const element_type *const type_;
  waiter_queue<P> receivers_;
  waiter_queue<P> senders_;
  waiter_queue<P> watchers_; // wait for a receiver to come
};

} // namespace stillpoint::rt::sync

#endif
