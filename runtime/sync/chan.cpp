// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The exported functions of <stillpoint/chan.hpp>: the protocol of channel.h, and parking.
//
// Mechanism: an operation that needs no partner is done in the exported function itself, which pushes no register: the lock, a look, the value;
// or in another one like it, if the thread has to take the lock's word. All others jump, the lock still held, to a slow half, which is then the
// function that managed code called: it records its caller and may park.
// Invariants: no lock is held where something throws or may not come back. A task that is wanted off takes the slow half: in a loop around a
// buffered channel most signals arrive here, where they are refused.
#include "stillpoint/chan.hpp"

#include "fatal.h"
#include "sync/platform.h"

#include <cstdint>
#include <memory>
#include <stdexcept>

namespace stillpoint {
namespace rt::sync {
namespace {

// The channel may be gone behind the release.
bool commit_unlock(task &, void *channel) noexcept {
  core_of(static_cast<detail::channel *>(channel)).mutex.release(current_worker);
  return true;
}

bool commit_nothing(task &, void *) noexcept { return true; }

// Takes the lock again after it was found that the caller may not wait: require_task() says why, or does not come back.
void explain(core &c, const char *call) {
  c.mutex.release();
  sched::require_task(call);
  c.mutex.acquire();
}

// Behind begin_send and begin_receive, which have come through or found it closed: the lock goes back, the partner goes on, and so do we. `caller` by
// value: whose address nobody has need not be in memory until then.

void end_send(core &c, const progress<platform> &p, void *value, managed_caller caller) {
  const element_type &type = c.type();
  worker *const w = current_worker;
  c.mutex.release(w);
  if (p.result == attempt::closed)
    throw_send_on_closed();
  if (p.partner)
    core::finish_send(type, *p.partner, value);
  if (stop_wanted(w)) [[unlikely]]
    preempt::stop_at_call(caller);
}

void end_receive(core &c, const progress<platform> &p, void *into, managed_caller caller) {
  const element_type &type = c.type();
  const bool direct = c.capacity == 0;
  worker *const w = current_worker;
  c.mutex.release(w);
  if (p.partner)
    core::finish_receive(type, *p.partner, into, direct);
  if (stop_wanted(w)) [[unlikely]]
    preempt::stop_at_call(caller);
}

// The slow halves. With the lock.

[[gnu::noinline]] void send_locked(detail::channel *to, void *value) {
  const managed_caller caller = STILLPOINT_MANAGED_CALLER();
  core &c = core_of(to);
  progress<platform> p{attempt::would_wait};
  if (!c.send_would_wait())
    p = c.begin_send(value);
  while (p.result == attempt::would_wait) {
    worker *const w = current_worker;
    if (sched::may_wait(w)) [[likely]] {
      waiter<platform> me{.who = w->current, .value = value};
      c.wait_to_send(me);
      sched::park_lightly(*w, caller, commit_unlock, to, "send to a channel");
      if (!me.completed)
        throw_send_on_closed();
      return;
    }
    explain(c, "chan::send()");
    p = c.begin_send(value);
  }
  end_send(c, p, value, caller);
}

[[gnu::noinline]] bool receive_locked(detail::channel *from, void *into) {
  const managed_caller caller = STILLPOINT_MANAGED_CALLER();
  core &c = core_of(from);
  progress<platform> p{attempt::would_wait};
  if (!c.receive_would_wait())
    p = c.begin_receive(into);
  while (p.result == attempt::would_wait) {
    worker *const w = current_worker;
    if (sched::may_wait(w)) [[likely]] {
      waiter<platform> me{.who = w->current, .value = into};
      c.wait_to_receive(me);
      sched::park_lightly(*w, caller, commit_unlock, from, "receive from a channel");
      return me.completed;
    }
    explain(c, "chan::receive()");
    p = c.begin_receive(into);
  }
  end_receive(c, p, into, caller);
  return p.result == attempt::done;
}

[[gnu::noinline]] bool try_send_locked(detail::channel *to, void *value) {
  const managed_caller caller = STILLPOINT_MANAGED_CALLER();
  core &c = core_of(to);
  const progress<platform> p = c.begin_send(value);
  end_send(c, p, value, caller);
  return p.result == attempt::done;
}

[[gnu::noinline]] attempt try_receive_locked(detail::channel *from, void *into) {
  const managed_caller caller = STILLPOINT_MANAGED_CALLER();
  core &c = core_of(from);
  const progress<platform> p = c.begin_receive(into);
  end_receive(c, p, into, caller);
  return p.result;
}

// The fast paths where the thread is not alone.

[[gnu::noinline]] void send_by_word(detail::channel *to, void *value) {
  core &c = core_of(to);
  c.mutex.acquire_word();
  if (c.only_room() && !stop_wanted(current_worker)) {
    c.put(value);
    c.mutex.release_word();
    return;
  }
  [[clang::musttail]] return send_locked(to, value);
}

[[gnu::noinline]] bool receive_by_word(detail::channel *from, void *into) {
  core &c = core_of(from);
  c.mutex.acquire_word();
  if (c.only_values() && !stop_wanted(current_worker)) {
    c.get(into);
    c.mutex.release_word();
    return true;
  }
  [[clang::musttail]] return receive_locked(from, into);
}

[[gnu::noinline]] bool ready_and_true(task &t) noexcept {
  sched::ready(t);
  return true;
}

[[gnu::noinline]] void send_to_null(detail::channel *, void *) { wait_for_ever(STILLPOINT_MANAGED_CALLER(), "chan::send()"); }

[[gnu::noinline]] bool receive_from_null(detail::channel *, void *) {
  wait_for_ever(STILLPOINT_MANAGED_CALLER(), "chan::receive()");
  return false;
}

} // namespace

void throw_send_on_closed() { throw closed_channel("stillpoint: send on a closed channel"); }

void wait_for_ever(const managed_caller &caller, const char *call) {
  for (;;)
    sched::park(sched::require_task(call), caller, commit_nothing, nullptr, "null channel or empty select: for ever");
}

} // namespace rt::sync

using namespace rt::sync;

closed_channel::~closed_channel() = default;

namespace detail {

channel *new_channel(const element_type &type, std::size_t capacity) {
  if (capacity > SIZE_MAX / 4 / type.size)
    throw std::length_error("stillpoint: a channel of that capacity does not fit into memory");
  std::unique_ptr<void, void (*)(void *) noexcept> buffer(capacity ? type.obtain(capacity) : nullptr, type.give_back);
  auto *const made = new core(type, capacity, buffer.get());
  static_cast<void>(buffer.release()); // the channel's now
  return made;
}

void destroy_channel(channel *c) noexcept {
  core *const last = &core_of(c);
  if (last->anybody_waits())
    rt::fatal("the last handle of a channel was destroyed while a task waits in it");
  last->discard_all();
  delete last;
}

void send(channel *to, void *value) {
  if (to == nullptr) [[unlikely]]
    [[clang::musttail]] return send_to_null(to, value);
  core &c = core_of(to);
  rt::worker *const w = rt::current_worker;
  if (w == nullptr || !rt::the_sole_locks.enter(w->locks)) [[clang::musttail]]
    return send_by_word(to, value);
  if (c.of_words() && !stop_wanted(w)) {
    if (c.only_room()) {
      c.put_words(value);
      rt::the_sole_locks.leave(w->locks);
      return;
    }
    if (rt::task *const partner = c.hand_words(value)) {
      rt::the_sole_locks.leave(w->locks);
      return rt::sched::ready(*partner);
    }
  }
  [[clang::musttail]] return send_locked(to, value);
}

bool receive(channel *from, void *into) {
  if (from == nullptr) [[unlikely]]
    [[clang::musttail]] return receive_from_null(from, into);
  core &c = core_of(from);
  rt::worker *const w = rt::current_worker;
  if (w == nullptr || !rt::the_sole_locks.enter(w->locks)) [[clang::musttail]]
    return receive_by_word(from, into);
  if (c.of_words() && !stop_wanted(w)) {
    if (c.only_values()) {
      c.get_words(into);
      rt::the_sole_locks.leave(w->locks);
      return true;
    }
    if (rt::task *const partner = c.fetch_words(into)) {
      rt::the_sole_locks.leave(w->locks);
      return ready_and_true(*partner);
    }
  }
  [[clang::musttail]] return receive_locked(from, into);
}

bool try_send(channel *to, void *value) {
  if (to == nullptr)
    return false;
  core &c = core_of(to);
  rt::worker *const w = rt::current_worker;
  if (!c.send_would_go() && !stop_wanted(w))
    return false;
  c.mutex.acquire(w);
  [[clang::musttail]] return try_send_locked(to, value);
}

attempt try_receive(channel *from, void *into) {
  if (from == nullptr)
    return attempt::would_wait;
  core &c = core_of(from);
  rt::worker *const w = rt::current_worker;
  if (!c.receive_would_go() && !stop_wanted(w))
    return attempt::would_wait;
  c.mutex.acquire(w);
  [[clang::musttail]] return try_receive_locked(from, into);
}

void close(channel *ended) {
  if (ended == nullptr)
    throw closed_channel("stillpoint: close of a null channel");
  core &c = core_of(ended);
  waiter<platform> *woken = nullptr;
  c.mutex.acquire();
  const bool open = c.begin_close(woken);
  c.mutex.release();
  if (!open)
    throw closed_channel("stillpoint: close of a closed channel");
  core::finish_close(woken);
}

} // namespace detail
} // namespace stillpoint
