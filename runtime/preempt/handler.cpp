// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The SIGURG handler: stops the task that runs on this worker, if it may be stopped where it is.
//
// Problem: the task can be anywhere: in the middle of malloc, of a prologue, of a callback under qsort; and SIGURG can be somebody else's.
// Mechanism, Go's doSigPreempt: want_async_preempt, then is_async_safe_point, then the interrupted context is made to continue in
// async_preempt on the task's own stack, and the handler returns. If the answer is no, the request stays pending and the monitor sends another
// signal later; and a task in foreign code is caught when that returns (return_trap.h).
// Invariants: runs on the worker's alternate stack with all other asynchronous signals blocked. Takes no lock, allocates nothing, waits for
// nobody, keeps errno. Every signal of ours is acknowledged, stopped or not; the signal that was not ours reaches whoever was there before.
// Rejected: switching tasks inside the handler (the alternate stack would be in use for as long as the task is off, and the mask wrong).
#include "runtime/preempt/chain.h"
#include "runtime/preempt/internal.h"
#include "runtime/preempt/return_trap.h"
#include "runtime/preempt/safe_point.h"
#include "runtime/preempt/walk.h"

#include <cerrno>

namespace stillpoint::rt::preempt {
namespace {

constinit signal_chain chain;

// tgkill from this process while one of ours is on its way. A pthread_kill(SIGURG) of the program's own that arrives in that moment cannot be
// told apart (the kernel merges them anyway).
bool is_ours(const worker &w, const siginfo_t &info) noexcept {
  return info.si_code == SI_TKILL && info.si_pid == process_id.load(std::memory_order_relaxed) &&
         w.signal_in_flight.load(std::memory_order_acquire);
}

// The signal's frame lies below the interrupted stack pointer, where the registers of a stop are saved: the program took the worker's alternate
// stack away, or put another one there.
bool frame_in_the_way(const task &t, const ucontext_t &context) noexcept {
  const auto frame = reinterpret_cast<std::uintptr_t>(&context);
  return frame >= t.stack_low && frame < arch::interrupted_registers(context).sp;
}

// Changes `context` so that the task stops. Says why not, or refusal::none.
refusal stop_if_possible(worker &w, ucontext_t &context, int errno_value) noexcept {
  if (const refusal why = want_async_preempt(w); why != refusal::none)
    return why;
  task &t = *w.current;
  if (frame_in_the_way(t, context))
    return refusal::stack;
  stop_plan plan;
  refusal why = refusal::none;
  {
    const map::reader_scope reading(&w);
    why = is_async_safe_point(w, t, arch::interrupted_registers(context), plan);
  }
  if (why == refusal::none)
    begin_stop(w, t, plan, errno_value, arch::inject_preempt(context, plan.vector_live));
  else if (why == refusal::foreign_code || why == refusal::foreign_frame)
    lay_return_trap(w, t, context);
  return why;
}

void on_preempt_signal(int number, siginfo_t *info, void *context) {
  const int errno_value = errno;
  worker *const w = this_worker();
  if (w != nullptr && is_ours(*w, *info)) {
    count(w->counters.signals_received);
    const bool traced = w->wanted_trace.load(std::memory_order_acquire) != nullptr; // pairs with trace::captures
    if (traced)
      trace_answer.load(std::memory_order_relaxed)(*w, context);
    const refusal why = stop_if_possible(*w, *static_cast<ucontext_t *>(context), errno_value);
    w->last_refusal.store(why, std::memory_order_relaxed);
    if (why != refusal::none && !(traced && why == refusal::not_wanted))
      count(w->counters.refusals[static_cast<std::size_t>(why)]);
    // Pairs with request(): from here the next signal may be sent.
    w->signal_in_flight.store(false, std::memory_order_release);
  } else {
    if (w != nullptr)
      count(w->counters.chained_signals);
    chain.pass_on(number, info, context);
  }
  errno = errno_value;
}

} // namespace

constinit std::atomic<void (*)(worker &w, void *context)> trace_answer{nullptr};

void install_preempt_handler() noexcept { chain.install(SIGURG, on_preempt_signal); }

} // namespace stillpoint::rt::preempt
