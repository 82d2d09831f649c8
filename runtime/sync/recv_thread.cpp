// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The exported function of <stillpoint/recv_thread.hpp>.
//
// Mechanism: under the channel's lock a task that waits to receive stays where it is, and so does its thread; the caller is locked to it on
// the scheduler's stack, before the lock is given back. If nobody waits, the caller does, in a queue that a receiver wakes as it comes to wait; then it
// looks again.
// Rejected: remembering the receiver's thread until the caller runs (it may have ended by then).
#include "stillpoint/recv_thread.hpp"

#include "sched/locking.h"
#include "sync/platform.h"

#include <stdexcept>

namespace stillpoint {
namespace rt::sync {
namespace {

void unlock(void *channel) noexcept { core_of(static_cast<detail::channel *>(channel)).mutex.release(); }

bool commit_unlock(task &, void *channel) noexcept {
  unlock(channel);
  return true;
}

} // namespace
} // namespace rt::sync

void detail::lock_to_receiver(channel *of) {
  using namespace rt::sync;
  const rt::managed_caller caller = STILLPOINT_MANAGED_CALLER();
  for (;;) {
    rt::worker &w = rt::sched::require_task("lock_to_recv_os_thread()");
    if (of == nullptr)
      throw std::logic_error("stillpoint: lock_to_recv_os_thread(): the channel is null");
    if (rt::sched::is_locked(*w.current))
      throw std::logic_error("stillpoint: lock_to_recv_os_thread(): the task is locked to a thread already");
    core &c = core_of(of);
    c.mutex.acquire();
    if (c.closed()) {
      c.mutex.release();
      throw closed_channel("stillpoint: lock_to_recv_os_thread(): the channel is closed");
    }
    if (rt::task *const receiver = c.receiver()) {
      if (rt::sched::is_locked(*receiver))
        return rt::sched::lock_to_thread_of(w, caller, *receiver, unlock, of);
      c.mutex.release();
      throw std::logic_error("stillpoint: lock_to_recv_os_thread(): the receiver is not locked to a thread");
    }
    waiter<platform> me{.who = w.current};
    c.wait_for_receiver(me);
    rt::sched::park(w, caller, commit_unlock, of, "lock to a receiver's thread");
  }
}

} // namespace stillpoint
