// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reading and printing the counters of <stillpoint/metrics.hpp>.
#include "stillpoint/metrics.hpp"

#include "fatal.h"
#include "sched/run.h"

#include <algorithm>
#include <array>

namespace stillpoint {
namespace {

constexpr std::size_t refusal_count = static_cast<std::size_t>(refusal::count);
constexpr std::array<const char *, refusal_count> refusal_names{
    "none",       "off",          "not_wanted",   "no_task",       "stack",         "runtime_lock",  "disabled",
    "mutex_held", "foreign_code", "unsafe_point", "foreign_frame", "unknown_frame", "corrupt_table",
};
static_assert(refusal_names.back() != nullptr, "every refusal has a name");
constexpr std::size_t return_refusal_count = static_cast<std::size_t>(return_refusal::count);
constexpr std::array<const char *, return_refusal_count> return_refusal_names{
    "none",           "off",       "no_unwinding", "unknown_caller", "unsafe_return",
    "curious_callee", "exception", "shadow_stack", "exhausted",      "too_soon",
};
static_assert(return_refusal_names.back() != nullptr, "every refusal has a name");

std::uint64_t get(const std::atomic<std::uint64_t> &counter) noexcept { return counter.load(std::memory_order_relaxed); }

} // namespace

const char *to_string(refusal r) noexcept {
  const auto index = static_cast<std::size_t>(r);
  return index < refusal_count ? refusal_names[index] : "unknown";
}

const char *to_string(return_refusal r) noexcept {
  const auto index = static_cast<std::size_t>(r);
  return index < return_refusal_count ? return_refusal_names[index] : "unknown";
}

metrics read_metrics() noexcept {
  metrics sum;
  for (const rt::worker *w = rt::all_workers(); w; w = w->next_all) {
    const worker_counters &c = w->counters;
    sum.signals_sent += get(c.signals_sent);
    sum.signals_received += get(c.signals_received);
    sum.preemptions += get(c.preemptions);
    sum.pinned_preemptions += get(c.pinned_preemptions);
    sum.vector_saves += get(c.vector_saves);
    sum.chained_signals += get(c.chained_signals);
    sum.world_stops += get(c.world_stops);
    sum.world_stop_failures += get(c.world_stop_failures);
    sum.world_stop_ns += get(c.world_stop_ns);
    sum.world_stop_longest_ns = std::max(sum.world_stop_longest_ns, get(c.world_stop_longest_ns));
    for (std::size_t i = 0; i < refusal_count; ++i)
      sum.refusals[i] += get(c.refusals[i]);
    sum.return_traps += get(c.return_traps);
    sum.stops_at_return += get(c.stops_at_return);
    for (std::size_t i = 0; i < return_refusal_count; ++i)
      sum.return_refusals[i] += get(c.return_refusals[i]);
  }
  return sum;
}

namespace rt::sched {
namespace {

void print_preemptions() {
  const metrics m = read_metrics();
  (message() << "preemptstats: " << m.signals_sent << " signals sent, " << m.signals_received << " received, " << m.preemptions
             << " preemptions, of them " << m.pinned_preemptions << " pinned and " << m.vector_saves << " with vector state; "
             << m.chained_signals << " signals of others")
      .print();
  if (m.world_stops + m.world_stop_failures != 0)
    (message() << "preemptstats: the world was stopped " << m.world_stops << " times (not reached: " << m.world_stop_failures << "), in "
               << m.world_stop_ns / std::max<std::uint64_t>(m.world_stops, 1) << " ns on average and " << m.world_stop_longest_ns
               << " ns at most")
        .print();
  for (std::size_t i = 1; i < refusal_count; ++i)
    if (m.refusals[i] != 0)
      (message() << "preemptstats: refused " << m.refusals[i] << " times: " << refusal_names[i]).print();
  if (m.return_traps != 0)
    (message() << "preemptstats: " << m.return_traps << " traps at returns from foreign code, " << m.stops_at_return << " stops there")
        .print();
  for (std::size_t i = 1; i < return_refusal_count; ++i)
    if (m.return_refusals[i] != 0)
      (message() << "preemptstats: no trap " << m.return_refusals[i] << " times: " << return_refusal_names[i]).print();
}

void print_storm(const storm &s) {
  (message() << "preemptstats: storm: " << get(s.gusts) << " times all were asked, " << get(s.stopped) << " tasks scattered, of them "
             << get(s.behind) << " behind others, " << get(s.offered) << " offered to other workers; " << get(s.moved) << " moved")
      .print();
}

void print_scheduler(const scheduler &s) {
  std::uint64_t turns = 0;
  for (unsigned i = 0; i < s.slots; ++i)
    turns += s.processors[i].turns.load(std::memory_order_relaxed);
  (message() << "schedtrace: " << s.next_task_id.load(std::memory_order_relaxed) - 1 << " tasks, " << turns << " turns, "
             << s.steals.load(std::memory_order_relaxed) << " steals, " << s.threads_started.load(std::memory_order_relaxed)
             << " threads for " << s.count << " processors, slice " << s.set.slice_ns << " ns")
      .print();
}

} // namespace

void print_statistics(const scheduler &s) {
  if (s.set.preemptstats)
    print_preemptions();
  if (s.set.preemptstats && s.set.storm_ns != 0)
    print_storm(s.storming);
  if (s.set.schedtrace_ns != 0)
    print_scheduler(s);
}

} // namespace rt::sched
} // namespace stillpoint
