// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Who may have a processor: what runtime/sched's waiting.cpp, bound.cpp, processors.cpp and monitor.cpp share. scheduler.h has what others need.
#ifndef STILLPOINT_RUNTIME_SCHED_PROCESSORS_H
#define STILLPOINT_RUNTIME_SCHED_PROCESSORS_H

#include "sched/scheduler.h"

namespace stillpoint::rt::sched {

// Somebody who was given a processor and may have to be woken: without the lock.
struct recipient {
  os_thread *worker = nullptr;
  bool fresh = false;
  void wake() const noexcept;
};

// waiting.cpp ------------------------------------------------------------------------------------------------------------------------------
// Any worker but those that tasks are locked to gets the processor.
recipient give_to_any(scheduler &s, processor &p, task *first) noexcept STILLPOINT_REQUIRES(s.mutex);
// Some idle processor gets a worker, which is counted as looking for work if `looks`.
recipient wake_idle(scheduler &s, bool looks) noexcept;
// From here on w may be given a processor. True: wake somebody, its own tasks need one.
bool begin_waiting(scheduler &s, os_thread &w) noexcept STILLPOINT_REQUIRES(s.mutex);
// w, which waits, gets the processor; the caller wakes it.
void assign(scheduler &s, os_thread &w, processor &p, task *first) noexcept STILLPOINT_REQUIRES(s.mutex);
// Nobody gives w, which waits, a processor any more.
void stop_waiting(scheduler &s, os_thread &w) noexcept STILLPOINT_REQUIRES(s.mutex);

// bound.cpp --------------------------------------------------------------------------------------------------------------------------------
// What only w may run goes where everyone finds it. True: there was some.
bool unbind_all(scheduler &s, os_thread &w) noexcept STILLPOINT_REQUIRES(s.mutex);

// processors.cpp ---------------------------------------------------------------------------------------------------------------------------
processor *pop_idle(scheduler &s, processor *wanted = nullptr) noexcept STILLPOINT_REQUIRES(s.mutex);
// p, without tasks, is idle, or nobody's any more if there is one too many.
void push_idle(scheduler &s, processor &p) noexcept STILLPOINT_REQUIRES(s.mutex);
// Another processor than p, whose thread is blocked in the kernel, runs the tasks of p. False: they are all lent. The monitor.
bool lend_for(processor &p) noexcept;
// Its task ran for a moment and made others runnable, perhaps: they are no worse off than others. The monitor.
void serve_for(processor &p) noexcept;
// That thread is not blocked any more: one processor too many is in use. The monitor.
void end_lending(processor &p) noexcept;
// Whether w has to look at give_up.
inline bool may_be_surplus(const os_thread &w) noexcept {
  return w.held->away.load(std::memory_order_relaxed) || w.owner->surplus.load(std::memory_order_relaxed) != 0;
}
// w's own thread, in its loop: its processor is not blocked, and if there is one too many it is gone afterwards (true).
bool give_up(os_thread &w) noexcept;

// monitor.cpp: the calling thread is to be on time when all CPUs are busy.
void be_punctual() noexcept;

// blocked.cpp: what the kernel says of a thread. Any other ---------------------------------------------------------------------------------
// It sleeps there (not: waits for a CPU). Five microseconds. False if nobody knows.
bool blocked_in_kernel(int thread_id) noexcept;
// Nanoseconds of a CPU that it has had; 0 if nobody knows.
std::uint64_t cpu_time(int thread_id) noexcept;

} // namespace stillpoint::rt::sched

#endif
