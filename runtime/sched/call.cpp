// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Announced calls: a task that is about to call the kernel, or foreign code, says so, and its processor may serve others meanwhile.
//
// Mechanism, Go's entersyscall and exitsyscall. processor::call counts up by one when a call begins (odd: its holder is in one) and again
// when it ends; whoever does the second step, by compare-and-swap, has the processor: the task, which then goes on, or somebody else, who takes it
// away (retake). The monitor does so after 20 us, if somebody could use it. A task that comes back without a processor takes an idle one, else it
// queues like one that was woken. Where a task's latest call from the same place was slow, it hands its processor over before the call. A short call
// of the runtime's own may keep its processor (processor::call_keeps): nobody takes that away, and all that is won is what follows.
//
// The world may be stopped meanwhile: the stopper changes the world and then looks at processor::call, the task ends its call and then looks
// at the world (both sequentially consistent), so either it is waited for, or it rests before it runs managed code. Its stack is scanned
// from task::caller: the managed frames stand at one call, and what runs below them is not looked at.
//
// No signal is sent to a worker in a call: it says so (worker::announced) and then looks for a signal in flight; the sender claims the flight
// and then looks for that.
//
// Invariants: between the two steps the task touches nothing of the processor and the thread nothing of its heap cache (this_runs is null, so
// an allocation comes to require_task and throws). Rejected: two calls, enter and exit, around managed code (its frame would be scanned
// with the registers it had at the first); taking the processor away for a stopped world (nobody needs it then).
#include "stillpoint/syscall.hpp"

#include "fatal.h"
#include "gc/heap.h"
#include "sched/call.h"
#include "sched/park.h"
#include "sched/tasks.h"
#include "sched/world.h"

#include <cerrno>
#include <utility>

namespace stillpoint {
namespace rt::sched {
namespace {

constexpr unsigned longest_wait_for_a_signal = 20'000; // turns: some hundred microseconds, if SIGURG is blocked

// Out of line: who calls may have changed threads since it last knew where errno is.
[[gnu::noinline]] int take_errno() noexcept {
  asm volatile("" ::: "memory");
  return errno;
}
[[gnu::noinline]] void put_errno(int value) noexcept {
  asm volatile("" ::: "memory");
  errno = value;
}
[[gnu::noinline]] gc::free_run *exchange_runs(gc::free_run *runs) noexcept {
  asm volatile("" ::: "memory");
  return std::exchange(gc::this_runs, runs);
}

[[gnu::noinline]] void wait_for_signal(const worker &w) noexcept {
  for (unsigned i = 0; i < longest_wait_for_a_signal && w.signal_in_flight.load(std::memory_order_acquire); ++i)
    __builtin_ia32_pause();
}

class announced_call {
public:
  announced_call(os_thread &w, const managed_caller &caller, bool gives_up) noexcept : w_(w), p_(*w.held) {
    task &t = *w.current;
    t.caller = caller;
    t.call_depth.store(1, std::memory_order_relaxed);
    w.locks.alone = false; // somebody may take the processor away
    runs_ = exchange_runs(nullptr);
    p_.call_keeps.store(!gives_up, std::memory_order_relaxed);
    w.announced.store(true, std::memory_order_relaxed); // before the exchange, which is a full fence
    word_ = p_.call.load(std::memory_order_relaxed) + 1;
    // Release: the monitor's and the stopper's acquires see `caller`. See above for the rest.
    p_.call.exchange(word_, std::memory_order_seq_cst);
    if (w.signal_in_flight.load(std::memory_order_seq_cst)) [[unlikely]]
      wait_for_signal(w);
    if (!gives_up)
      return;
    if (t.slow_site == caller.pc) [[unlikely]]
      hand_over();
    else if (wanted_by_others(p_)) [[unlikely]]
      watch_calls(*p_.owner);
  }
  announced_call(const announced_call &) = delete;
  announced_call &operator=(const announced_call &) = delete;

  // On the same thread; perhaps on another when it is done.
  ~announced_call() {
    std::uint64_t seen = word_;
    if (p_.call.compare_exchange_strong(seen, word_ + 1, std::memory_order_seq_cst)) [[likely]] {
      gc::this_runs = runs_;
      w_.announced.store(false, std::memory_order_relaxed);
      w_.current->call_depth.store(0, std::memory_order_relaxed);
      w_.locks.alone = w_.owner->sole_locks;
      if (w_.owner->world.load(std::memory_order_seq_cst) % 4 == 0 && !w_.owner->stopping.load(std::memory_order_relaxed)) [[likely]]
        return;
      give_way(departure::reason::yielded);
    } else {
      regain();
    }
  }

private:
  void hand_over() noexcept {
    const int error = take_errno();
    began_ = monotonic_now();
    retake(p_, word_);
    put_errno(error);
  }

  // To the scheduler's loop, which knows what to do if the world is stopped.
  [[gnu::noinline]] void give_way(departure::reason why) noexcept {
    departure d;
    d.why = w_.owner->stopping.load(std::memory_order_relaxed) ? departure::reason::abandoned : why;
    leave(w_, d);
  }

  // Somebody has the processor.
  [[gnu::noinline]] void regain() noexcept {
    const int error = take_errno();
    task &t = *w_.current;
    const std::uint64_t now = monotonic_now();
    const bool fast = began_ != 0 && now - began_ < slow_call_ns;
    t.slow_site = fast ? 0 : t.caller.pc;
    exchange_runs(runs_);
    processor *const other = w_.owner->stopping.load(std::memory_order_relaxed) ? nullptr : take_idle_processor(w_, &p_);
    hold(w_, other);
    if (other)
      take_up(*other, t, now); // its fence comes before the look at the world
    w_.announced.store(false, std::memory_order_relaxed);
    t.call_depth.store(0, std::memory_order_relaxed);
    put_errno(error);
    if (!other)
      give_way(departure::reason::returned);
    else if (world::wanted(*w_.owner))
      give_way(departure::reason::yielded);
  }

  os_thread &w_;
  processor &p_;
  gc::free_run *runs_;
  std::uint64_t word_;
  std::uint64_t began_ = 0; // if it handed its processor over
};

} // namespace

bool retake(processor &p, std::uint64_t call) noexcept {
  // Acquire and release: the next holder goes on where the last one left the queues.
  if (!p.call.compare_exchange_strong(call, call + 1, std::memory_order_seq_cst))
    return false;
  scheduler &s = *p.owner;
  s.calls_handed_over.fetch_add(1, std::memory_order_relaxed);
  p.running.store(nullptr, std::memory_order_relaxed);
  p.active.store(false, std::memory_order_release); // pairs with world::stop
  release_processor(p);
  return true;
}

void announced(worker &w, const managed_caller &caller, bool gives_up, void (*f)(void *), void *context) {
  const announced_call call(thread_of(w), caller, gives_up);
  f(context);
}

void watch_calls(scheduler &s) noexcept {
  if (s.watching_calls.load(std::memory_order_relaxed))
    return;
  s.watching_calls.store(true, std::memory_order_seq_cst); // pairs with the monitor's fence before it sleeps
  const int error = take_errno();
  alarm_monitor(s, 1);
  put_errno(error);
}

} // namespace rt::sched

namespace detail {

void call_announced(void (*f)(void *), void *context) {
  using namespace rt;
  const managed_caller caller = STILLPOINT_MANAGED_CALLER();
  worker *const w = this_worker();
  if (!w || !w->current || w->current->call_depth.load(std::memory_order_relaxed) != 0 || !w->held ||
      w->held->owner->forked.load(std::memory_order_relaxed))
    return f(context); // no processor to give up: outside of tasks, or in an announced call already
  sched::announced(sched::require_task("syscall()"), caller, true, f, context);
  preempt::stop_if_wanted(caller); // one fast call after the other would hardly ever be found outside
}

} // namespace detail
} // namespace stillpoint
