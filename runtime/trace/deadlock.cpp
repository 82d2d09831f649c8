// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A program whose tasks all sleep for ever is ended, with a list of who waits for what. Go's checkdead.
//
// Problem: it has to be certain. Whoever may still wake a task must be known: another task, a timer, the network, a call that a task is in, or
// a thread that is not ours.
// Mechanism: when the last processor becomes idle the monitor looks, a little later, whether every task of the run is parked (not running, not
// runnable, not in a call), no timer is set, no task waits for the network or a signal (both wait at the poller), and every thread of the process,
// as /proc lists them, is ours: a worker without a task, the monitor, or the one that waits in run(). Then nobody is left who could call ready(): signal
// handlers may not. It looks twice, and nothing may have happened in between.
// If only foreign threads are in the way it looks again, ever more rarely, and then no more until something has run: they may end without a word.
// Invariants: when in doubt, no deadlock (no /proc, tasks of an earlier run that could not be stopped, a stopped world).
// Rejected: counting workers, as Go does (Go gives up with the first thread of C's; here there nearly always may be some).
#include "trace/observer.h"

#include "fatal.h"
#include "sched/poller.h"
#include "sched/run.h"
#include "sched/world.h"
#include "trace/text.h"

#include <charconv>
#include <cstdlib>
#include <cstring>
#include <dirent.h>
#include <unistd.h>

namespace stillpoint::rt::trace {
namespace {

// No processor is in use; one whose thread is blocked in the kernel is.
bool nobody_runs(const scheduler &s) noexcept {
  return s.idle_count.load(std::memory_order_relaxed) == s.count + s.lent.load(std::memory_order_relaxed);
}

constexpr std::uint64_t first_check_ns = 10'000'000;
constexpr unsigned most_checks = 10; // 10 ms, 20 ms, ... 5 s

// What would wake somebody without anybody's help, and what is not to be understood.
bool something_is_due(scheduler &s) noexcept {
  if (s.sleepers.earliest() != never || s.stopping.load(std::memory_order_relaxed) || s.forked.load(std::memory_order_relaxed))
    return true;
  const poller *const network = sched::the_poller();
  return (network != nullptr && network->anyone_waits()) || s.world.load(std::memory_order_relaxed) % 4 != 0;
}

std::uint64_t sum_of_turns(const scheduler &s) noexcept {
  std::uint64_t sum = s.next_task_id.load(std::memory_order_relaxed);
  for (unsigned i = 0; i < s.slots; ++i)
    sum += s.processors[i].turns.load(std::memory_order_relaxed);
  return sum;
}

bool all_are_parked(scheduler &s) noexcept {
  bool all = true;
  const auto look = [](void *context, task &t) {
    if (t.state.load(std::memory_order_acquire) != task_state::parked) // pairs with change_state
      *static_cast<bool *>(context) = false;
  };
  world::each_task(s, look, &all);
  return all;
}

bool is_ours(const scheduler &s, int thread) noexcept {
  if (thread == gettid() || thread == s.observed.caller || thread == s.storming.thread_id.load(std::memory_order_relaxed))
    return true;
  for (const worker *w = all_workers(); w != nullptr; w = w->next_all)
    if (w->thread_id.load(std::memory_order_relaxed) == thread)
      return true;
  return false;
}

// Nobody but the monitor, which asks, is awake in the process or may become so.
bool all_threads_are_ours(const scheduler &s) noexcept {
  DIR *const threads = opendir("/proc/self/task");
  if (threads == nullptr)
    return false;
  unsigned count = 0;
  bool ours = true;
  while (const dirent *const one = readdir(threads)) {
    int id = 0;
    const char *const end = one->d_name + std::strlen(one->d_name);
    if (std::from_chars(one->d_name, end, id).ptr != end)
      continue; // . and ..
    ++count;
    ours &= is_ours(s, id);
  }
  closedir(threads);
  return ours && count != 0;
}

[[noreturn]] void report(scheduler &s) noexcept {
  print_to_stderr(s, "stillpoint: all tasks are asleep: deadlock\n");
  std::abort();
}

} // namespace

void all_idle(scheduler &s) noexcept {
  if (s.set.deadlock_off || s.observed.check_at.load(std::memory_order_seq_cst) != never || something_is_due(s))
    return;
  const std::uint64_t when = monotonic_now() + first_check_ns;
  s.observed.check_at.store(when, std::memory_order_seq_cst); // before the alarm: pairs with the monitor's fence
  sched::alarm_monitor(s, when);
}

std::uint64_t look_for_deadlock(scheduler &s, std::uint64_t now) noexcept {
  observer &o = s.observed;
  const bool quiet = nobody_runs(s) && !something_is_due(s) && !sched::left_behind_runs();
  const std::uint64_t turns = sum_of_turns(s);
  if (!quiet || turns != o.turns) { // something happened: begin again
    o.turns = turns;
    o.checks = 0;
    o.suspected = false;
    return quiet ? now + first_check_ns : never; // else whoever becomes idle tells
  }
  if (!all_are_parked(s) || !all_threads_are_ours(s)) {
    o.suspected = false;
    return ++o.checks < most_checks ? now + (first_check_ns << o.checks) : never;
  }
  if (o.suspected && sum_of_turns(s) == turns && nobody_runs(s) && !something_is_due(s))
    report(s);
  o.suspected = true;
  return now + first_check_ns;
}

} // namespace stillpoint::rt::trace
