// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See poller.h.
#include "sched/poller.h"

#include <atomic>

namespace stillpoint::rt::sched {
namespace {

constinit std::atomic<const poller *> registered{nullptr};

} // namespace

void set_poller(const poller &p) noexcept { registered.store(&p, std::memory_order_release); } // pairs with the_poller

const poller *the_poller() noexcept { return registered.load(std::memory_order_acquire); }

} // namespace stillpoint::rt::sched
