// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The one epoll instance of the process.
//
// Mechanism: a descriptor is registered when something first waits on it, edge-triggered and for both sides, and never again; the kernel's
// word for it is the object's address with the low bits of its generation. fork: a child makes an instance of its own (a new epoch), because the
// inherited one belongs to the parent as well.
// Rejected: an instance for each processor (a task that moves would drag its files along, or be woken where nobody looks); level-triggered events (a
// system call for each wait).
#ifndef STILLPOINT_RUNTIME_NET_POLLER_H
#define STILLPOINT_RUNTIME_NET_POLLER_H

#include "net/descriptor.h"
#include "sched/queue.h"

namespace stillpoint::net::detail {

// Registers `d`, if it is not; an operation of the caller's is under way on it. Returns 0 or an error.
int enroll(descriptor &d) noexcept;
// Before the file is closed.
void dismiss(descriptor &d) noexcept;

// As rt::poller has them.
unsigned poll(std::uint64_t until, rt::task_list &woken) noexcept;
void interrupt_poll() noexcept;

} // namespace stillpoint::net::detail

#endif
