// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Asking a worker to stop its task, and what that needs of a process and of a thread.
//
// Mechanism: the task is marked, then SIGURG goes to the worker's thread by tgkill, if none is on its way. The handler acknowledges each.
// Invariants: at most one signal in flight for each worker, so a worker cannot drown in them. A signal that was lost (the program
// blocked SIGURG for a while, or merged it with one of its own) is sent again after `lost_after_ns`: the kernel merges it with one that is
// still pending, so there is still at most one.
// Rejected: a timer for each thread (fires whether or not anyone is waiting), pthread_kill (takes a lock in the C library).
#include "runtime/arch/arch.h"
#include "runtime/config.h"
#include "runtime/fatal.h"
#include "runtime/preempt/internal.h"
#include "runtime/preempt/return_trap.h"
#include "runtime/preempt/walk.h"
#include "runtime/scan/frame.h"

#include <cerrno>
#include <csignal>
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace stillpoint::rt::preempt {

constinit std::atomic<int> process_id{0};

namespace {

constexpr std::uint64_t lost_after_ns = 100'000'000;

// In the child of a fork only the forking thread is left, under a new id, and signals on their way stayed with the parent.
void after_fork_in_child() noexcept {
  map::unlock_after_fork_in_child();
  process_id.store(getpid(), std::memory_order_relaxed);
  if (worker *const w = this_worker(); w != nullptr) {
    w->thread_id = static_cast<int>(::syscall(SYS_gettid));
    w->signal_in_flight.store(false, std::memory_order_relaxed);
    if (w->current != nullptr) // nobody is left who asked
      w->current->preempt_requested.store(false, std::memory_order_relaxed);
  }
}

void initialize_once() noexcept {
  arch::initialize();
  process_id.store(getpid(), std::memory_order_relaxed);
  if (pthread_atfork(map::lock_for_fork, map::unlock_after_fork_in_parent, after_fork_in_child) != 0)
    fatal("pthread_atfork: out of memory");
  initialize_return_traps();
  install_fault_handlers();
  install_preempt_handler();
}

// Whether a signal may be sent to the worker now; if so it counts as in flight.
bool claim_flight(worker &w, std::uint64_t now) noexcept {
  if (!w.signal_in_flight.exchange(true, std::memory_order_seq_cst)) {
    w.send_time.store(now, std::memory_order_relaxed);
    return true;
  }
  std::uint64_t sent = w.send_time.load(std::memory_order_relaxed);
  return now - sent > lost_after_ns && now > sent && w.send_time.compare_exchange_strong(sent, now, std::memory_order_relaxed);
}

// Sends the signal unless one is on its way.
bool send(worker &w, std::uint64_t now) noexcept {
  if (!claim_flight(w, now))
    return false;
  // Pairs with the entry of an announced call (sched/call.cpp), which writes `announced` and then waits for a signal in flight.
  if (w.announced.load(std::memory_order_seq_cst)) {
    w.signal_in_flight.store(false, std::memory_order_release);
    return false;
  }
  const int errno_value = errno;
  const bool sent =
      ::syscall(SYS_tgkill, process_id.load(std::memory_order_relaxed), w.thread_id.load(std::memory_order_relaxed), SIGURG) == 0;
  errno = errno_value;
  if (sent)
    count(w.counters.signals_sent);
  else
    w.signal_in_flight.store(false, std::memory_order_release);
  return sent;
}

} // namespace

void initialize() noexcept {
  static const bool once = (initialize_once(), true);
  static_cast<void>(once);
}

bool request(worker &w, task &t) noexcept {
  if (config().asyncpreemptoff)
    return false;
  const std::uint64_t now = now_ns();
  if (!t.preempt_requested.exchange(true, std::memory_order_acq_rel))
    w.request_time.store(now, std::memory_order_relaxed);
  return send(w, now);
}

bool signal(worker &w) noexcept { return !config().asyncpreemptoff && send(w, now_ns()); }

namespace {

map::frame_rule rule_of(const scan::frame &f) noexcept {
  map::frame_rule rule;
  rule.known = true;
  rule.cfa_is_rbp = f.cfa_is_rbp;
  rule.cfa_offset = f.cfa_offset;
  rule.saved = f.saved & (1u << abi::saved_rbp); // step() follows no other
  rule.slot[abi::saved_rbp] = sizeof(std::uintptr_t) * f.saved_words[abi::saved_rbp];
  return rule;
}

// walk_callers() for who is no handler, with what this thread has decoded before: tasks that move wait in the same few calls.
refusal walk_known_callers(const stack_bounds &stack, const arch::walk_registers &from, bool &pinned) noexcept {
  scan::frame_cache *const cache = scan::frame_cache::of_this_thread();
  if (!cache)
    return walk_callers(stack, from, pinned);
  cache->refresh();
  for (arch::walk_registers registers = from; registers.pc != arch::task_base();) {
    scan::frame &known = cache->at(registers.pc);
    if (known.pc != registers.pc) {
      scan::frame fresh;
      map::point call;
      if (scan::decode(registers.pc, fresh, call) != scan::decoded::ok)
        return walk_callers(stack, from, pinned);
      known = fresh;
    }
    pinned |= known.callee_pinned;
    if (const refusal why = step(stack, rule_of(known), registers); why != refusal::none)
      return why;
  }
  return refusal::none;
}

} // namespace

bool may_migrate(const task &t) noexcept {
  if (t.held_mutexes != 0 || t.caller.pc == 0)
    return false;
  const stack_bounds stack{t.stack_low, t.stack_high};
  if (t.caller.sp < stack.low || t.caller.sp >= stack.high)
    return false;
  const map::reader_scope reading(this_worker());
  bool pinned = false;
  return walk_known_callers(stack, {t.caller.pc, t.caller.sp, t.caller.bp}, pinned) == refusal::none && !pinned;
}

} // namespace stillpoint::rt::preempt
