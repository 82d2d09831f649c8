// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the channel's protocol (channel.h) stands on in the runtime.
#ifndef STILLPOINT_RUNTIME_SYNC_PLATFORM_H
#define STILLPOINT_RUNTIME_SYNC_PLATFORM_H

#include "preempt/deferred.h"
#include "sched/direct.h"
#include "sync/channel.h"
#include "sync/spin_lock.h"

#include <atomic>

namespace stillpoint::rt::sync {

struct platform {
  using lock = spin_lock;
  template <class T>
  using atomic = std::atomic<T>;
  using task = rt::task;

  static void wake(task &t) noexcept { sched::ready(t); }
  // Of the run() in progress. Others are never resumed; their stacks stay.
  static bool alive(const task &t) noexcept { return sched::is_active(t); }
};

using core = basic_channel<platform>;

inline core &core_of(detail::channel *c) noexcept { return *static_cast<core *>(c); }

// Whether the calling task is to be stopped: the fast paths, which do not switch, ask, and leave it to the slow ones, which know their caller.
inline bool stop_wanted(const worker *w) noexcept { return w != nullptr && preempt::wanted_and_allowed(w->current); }

[[noreturn, gnu::cold]] void throw_send_on_closed();

// A null channel: waits for ever.
void wait_for_ever(const managed_caller &caller, const char *call);

} // namespace stillpoint::rt::sync

#endif
