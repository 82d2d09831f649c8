// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Tasks that stay on one thread.
#ifndef STILLPOINT_THREAD_HPP
#define STILLPOINT_THREAD_HPP

#include <stillpoint/export.hpp>

namespace stillpoint {

/// Binds the calling task to the thread that it runs on: it runs nowhere else, and that thread runs no other task (but those that lock
/// themselves to the same thread), until unlock_os_thread() has been called as often as lock_os_thread(). For libraries that keep state
/// for each thread: namespaces, graphics contexts, user ids. Go: runtime.LockOSThread.
///
/// Locked tasks share the processors with all others: to run, one needs a processor, and while it waits its thread sleeps. A wake-up from or
/// for another thread costs a switch of threads. A task that ends while it is locked ends its thread, whose state nobody else shall inherit.
/// Tasks only, not inside syscall() or foreign(): throws std::logic_error. Not for signal handlers.
STILLPOINT_API void lock_os_thread();

/// Undoes one lock_os_thread(). Without one it does nothing, as in Go. Tasks only: throws std::logic_error elsewhere.
STILLPOINT_API void unlock_os_thread();

/// Locks the calling task to its thread for as long as it lives.
class os_thread_guard {
public:
  os_thread_guard() { lock_os_thread(); }
  ~os_thread_guard() { unlock_os_thread(); }
  os_thread_guard(const os_thread_guard &) = delete;
  os_thread_guard &operator=(const os_thread_guard &) = delete;
};

namespace this_task {

/// Whether the calling task is locked to its thread. False outside of tasks. Any thread.
STILLPOINT_API bool is_locked_to_os_thread() noexcept;

} // namespace this_task
} // namespace stillpoint

#endif
