// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A line about the scheduler every now and then: STILLPOINT_DEBUG=schedtrace=N. Go's GODEBUG=schedtrace=N.
//
// Invariant: reads what is there without a lock, so the numbers need not fit together.
#include "trace/observer.h"

#include "fatal.h"
#include "sched/scheduler.h"

#include <algorithm>

namespace stillpoint::rt::trace {

void print_line(const scheduler &s, std::uint64_t now) noexcept {
  constexpr unsigned most_queues = 64;
  unsigned busy = 0;
  for (unsigned i = 0; i < s.slots; ++i)
    busy += s.processors[i].running.load(std::memory_order_relaxed) != nullptr;
  message m;
  m << "schedtrace: " << (now - s.observed.began) / 1'000'000 << " ms: processors " << s.count << ", idle "
    << s.idle_count.load(std::memory_order_relaxed) << ", running " << busy << ", looking " << s.spinning.load(std::memory_order_relaxed)
    << ", threads started " << s.threads_started.load(std::memory_order_relaxed) << ", ended "
    << s.threads_ended.load(std::memory_order_relaxed) << " (" << s.threads_reaped.load(std::memory_order_relaxed)
    << " idle), calls handed over " << s.calls_handed_over.load(std::memory_order_relaxed) << ", processors lent "
    << s.lendings.load(std::memory_order_relaxed) << ", steals " << s.steals.load(std::memory_order_relaxed) << ", queues "
    << s.global_count.load(std::memory_order_relaxed) << " woken " << s.woken_count.load(std::memory_order_relaxed) << " [";
  for (unsigned i = 0; i < std::min(s.slots.load(std::memory_order_relaxed), most_queues); ++i)
    m << (i == 0 ? "" : " ") << s.processors[i].local.size();
  (m << (s.slots > most_queues ? " ...]" : "]")).print();
}

} // namespace stillpoint::rt::trace
