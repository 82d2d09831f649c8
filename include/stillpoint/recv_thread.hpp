// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Several tasks on one thread: who needs a certain thread joins the task that receives from a channel there.
//
// Problem: a library wants all calls from one thread. A server task that is locked to it, called over a channel, costs two switches of threads a
// call, and every caller has to be written as messages.
// Mechanism: the channel says who the task is; the caller is locked to the same thread (<stillpoint/thread.hpp>), and the tasks of one thread
// are switched without the kernel.
// Source: the proposal LockToRecvOSThread for Go's runtime package, whose words these are.
#ifndef STILLPOINT_RECV_THREAD_HPP
#define STILLPOINT_RECV_THREAD_HPP

#include <stillpoint/chan.hpp>

namespace stillpoint {
namespace detail {

STILLPOINT_API void lock_to_receiver(channel *of);

} // namespace detail

/// Locks the calling task to the thread that the task is locked to which is receiving from `c` (waits in receive(), a range or a select); returns on
/// that thread. If nobody is receiving, waits until somebody does. Undone by unlock_os_thread(). Locked tasks of one thread take turns on it
/// and are preempted like any others.
///
/// Throws std::logic_error if `c` is null or closed (closed_channel, also if that happens while it waits), if the caller is locked to a thread
/// already, and if the receiver is not. Tasks only: std::logic_error elsewhere. Not for signal handlers.
template <class C>
  requires requires(const C &c) { c.receive(); }
void lock_to_recv_os_thread(const C &c) {
  detail::lock_to_receiver(c.core());
}

} // namespace stillpoint

#endif
