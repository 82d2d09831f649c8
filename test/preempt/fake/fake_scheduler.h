// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A scheduler of a few lines in the place of runtime/sched, so that preemption can be tested to the bit: the test decides who runs where.
//
// Mechanism: the definitions that runtime/sched would give (this_worker, reschedule_preempted, ...) are in fake_scheduler.cpp; a program links
// either these or the real ones. A fake_worker is the scheduler's stack of the thread that made it.
#ifndef STILLPOINT_TEST_PREEMPT_FAKE_SCHEDULER_H
#define STILLPOINT_TEST_PREEMPT_FAKE_SCHEDULER_H

#include "runtime/config.h"
#include "runtime/sched/core.h"

#include <cstdint>
#include <functional>

namespace stillpoint::test {

inline constexpr std::size_t fake_guard_size = 64 << 10;

// A task with a guarded stack of its own, ready to call entry(argument).
class fake_task {
public:
  fake_task(void (*entry)(void *), void *argument, std::size_t stack_size = 256 << 10);
  ~fake_task();
  fake_task(const fake_task &) = delete;
  fake_task &operator=(const fake_task &) = delete;

  rt::task control;
  bool finished = false;

private:
  char *mapping_;
  std::size_t size_;
};

// Makes the calling thread a worker while it lives.
class fake_worker {
public:
  fake_worker();
  ~fake_worker();
  fake_worker(const fake_worker &) = delete;
  fake_worker &operator=(const fake_worker &) = delete;

  // Runs the task until it is stopped or ends; true if it was stopped.
  bool resume(fake_task &t);
  // Runs it to the end; `between` is called on the scheduler's stack after every stop. Returns the number of stops.
  std::uint64_t run_to_end(fake_task &t, const std::function<void()> &between = [] {});

  rt::worker &control;
  bool last_stop_was_pinned = false;
};

// Marks the running task and sends itself the signal, as request() from another thread would.
void request_here(rt::worker &w);

// Overwrites what a stopped task must not depend on: vector and mask registers, the x87 stack, MXCSR, errno.
void clobber_everything();

} // namespace stillpoint::test

#endif
