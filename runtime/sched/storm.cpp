// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See storm.h.
#include "sched/storm.h"

#include "fatal.h"
#include "sched/call.h"
#include "sched/processors.h"
#include "sched/world.h"

#include <algorithm>
#include <csignal>
#include <cstring>
#include <unistd.h>

namespace stillpoint::rt::sched {
namespace {

// How long a worker that offered a task waits for another to take it.
constexpr std::uint64_t offer_ns = 50'000;

void blow(scheduler &s) noexcept {
  for (unsigned i = 0; i < s.slots.load(std::memory_order_relaxed); ++i) {
    const processor &p = s.processors[i];
    if (in_call(p))
      continue;
    task *const t = p.running.load(std::memory_order_acquire); // pairs with the worker's release
    if (!t)
      continue;
    worker &w = *p.self.load(std::memory_order_relaxed);
    if (!blocked_in_kernel(w.thread_id.load(std::memory_order_relaxed))) // a signal would interrupt its call
      preempt::request(w, *t);
  }
  s.storming.gusts.fetch_add(1, std::memory_order_relaxed);
}

void *storm_thread(void *argument) noexcept {
  scheduler &s = *static_cast<scheduler *>(argument);
  s.storming.thread_id.store(gettid(), std::memory_order_relaxed);
  pthread_setname_np(pthread_self(), "sp-storm");
  be_punctual();
  for (std::uint64_t next = monotonic_now(); s.storming.over.load(std::memory_order_acquire) == 0; blow(s)) { // pairs with stop_storm
    next = std::max(next + s.set.storm_ns, monotonic_now()); // what was missed is not made up for
    futex_wait(s.storming.over, 0, next);
  }
  return nullptr;
}

std::uint32_t random_of(processor &p) noexcept {
  p.random ^= p.random << 13;
  p.random ^= p.random >> 17;
  return p.random ^= p.random << 5;
}

// Until somebody has taken a task, or nobody is there who could.
void wait_for_taker(scheduler &s, std::uint64_t now) noexcept {
  while (s.global_count.load(std::memory_order_relaxed) != 0 && !crowded(s) && !world::wanted(s) && monotonic_now() - now < offer_ns)
    __builtin_ia32_pause();
}

} // namespace

void start_storm(scheduler &s) noexcept {
  if (s.set.storm_ns == 0)
    return;
  sigset_t all;
  sigfillset(&all);
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setsigmask_np(&attributes, &all); // signals are meant for the program
  const int error = pthread_create(&s.storming.thread, &attributes, storm_thread, &s);
  pthread_attr_destroy(&attributes);
  if (error != 0)
    fatal(message() << "cannot start the thread of STILLPOINT_DEBUG=storm: " << std::string_view(std::strerror(error)));
}

void stop_storm(scheduler &s) noexcept {
  if (s.set.storm_ns == 0)
    return;
  s.storming.over.store(1, std::memory_order_release);
  futex_wake(s.storming.over, 1);
  pthread_join(s.storming.thread, nullptr);
}

void scatter(processor &p, task &t, std::uint64_t now) noexcept {
  scheduler &s = *p.owner;
  arch::overwrite_scratch();
  s.storming.stopped.fetch_add(1, std::memory_order_relaxed);
  const std::uint32_t where = random_of(p) % 8;
  if (where < 3) {                                                                   // goes on at once
    if (task *const earlier = p.interrupted.exchange(&t, std::memory_order_acq_rel)) // pairs with take_interrupted and steal_slot
      push_local(p, *earlier);
    return;
  }
  s.storming.behind.fetch_add(1, std::memory_order_relaxed);
  if (where < 5)
    return push_local(p, t);
  push_global(s, t, now);
  wake_one(s);
  if (where < 7 || bound_to(t)) // nobody else may take it
    return;
  s.storming.offered.fetch_add(1, std::memory_order_relaxed);
  wait_for_taker(s, now);
}

} // namespace stillpoint::rt::sched
