// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The protocol of select, over that of the channels.
//
// Mechanism, as Go's: all locks, in the order of the channels' addresses; if a case can go on, one of those that can is chosen by lot; else a waiter
// goes into every queue and the task parks. Behind the wake-up the waiters that are left are taken out, one lock after the other.
//
// Invariant: the commit that gives the locks back reads the waiting task's stack only while it holds the last of them; the task, when it was
// woken, takes each of them before it goes on.
#ifndef STILLPOINT_RUNTIME_SYNC_SELECTION_H
#define STILLPOINT_RUNTIME_SYNC_SELECTION_H

#include "sync/channel.h"

namespace stillpoint::rt::sync {

// One case with a channel. On the stack of the task that selects.
template <class P>
struct selected_case : waiter<P> {
  basic_channel<P> *where = nullptr;
  selected_case *after = nullptr; // in the order of the channels' addresses
  std::size_t index = 0;
  std::uint32_t lot = 0; // cases with one channel stand in its queue in this order
  bool sends = false;
};

template <class P>
class selection {
public:
  using one = selected_case<P>;

  void add(one &c) noexcept {
    c.after = first_;
    first_ = &c;
  }
  void sort() noexcept { first_ = sorted(first_); }

  void lock_all() noexcept {
    for (one *c = first_, *before = nullptr; c; before = c, c = c->after)
      if (!before || before->where != c->where)
        c->where->mutex.acquire();
  }
  // Behind the last release the cases may be gone.
  void unlock_all() noexcept {
    for (one *c = first_; c;) {
      basic_channel<P> *const channel = c->where;
      c = c->after;
      if (!c || c->where != channel)
        channel->mutex.release();
    }
  }

  // With all locks: the case that goes on, and how; null if none can. lot(n): a random number below n.
  template <class Lot>
  one *choose(Lot lot, progress<P> &how) noexcept {
    for (;;) {
      one *chosen = nullptr;
      std::uint32_t ready = 0;
      for (one *c = first_; c; c = c->after)
        if (c->sends ? c->where->send_would_go() : c->where->receive_would_go())
          if (++ready == 1 || lot(ready) == 0)
            chosen = c;
      if (!chosen)
        return nullptr;
      how = chosen->sends ? chosen->where->begin_send(chosen->value) : chosen->where->begin_receive(chosen->value);
      if (how.result != attempt::would_wait)
        return chosen; // else the partner was another's already, and is out of the queue now
    }
  }

  // With all locks: `t` waits for all of them. It parks next; the commit is unlock_all.
  void wait(typename P::task &t) noexcept {
    for (one *c = first_; c; c = c->after) {
      c->who = &t;
      c->group = &group;
      if (c->sends)
        c->where->wait_to_send(*c);
      else
        c->where->wait_to_receive(*c);
    }
  }

  // Behind the wake-up: out of all queues. Takes every lock, one after the other.
  void stop_waiting() noexcept {
    for (one *c = first_; c;) {
      basic_channel<P> *const channel = c->where;
      channel->mutex.acquire();
      for (; c && c->where == channel; c = c->after)
        channel->stop_waiting(*c, c->sends);
      channel->mutex.release();
    }
  }

  waiter_group<P> group;

private:
  static bool before(const one *a, const one *b) noexcept {
    if (a->where == b->where)
      return a->lot < b->lot;
    return reinterpret_cast<std::uintptr_t>(a->where) < reinterpret_cast<std::uintptr_t>(b->where);
  }

  static one *merged(one *a, one *b) noexcept {
    one *first = nullptr;
    one **link = &first;
    while (a && b) {
      one *&less = before(b, a) ? b : a;
      *link = less;
      link = &less->after;
      less = less->after;
    }
    *link = a ? a : b;
    return first;
  }

  // By halves.
  static one *sorted(one *list) noexcept {
    if (!list || !list->after)
      return list;
    one *middle = list;
    for (one *end = list->after; end && end->after; end = end->after->after)
      middle = middle->after;
    one *const second = middle->after;
    middle->after = nullptr;
    return merged(sorted(list), sorted(second));
  }

  one *first_ = nullptr;
};

} // namespace stillpoint::rt::sync

#endif
