// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Where the tasks are that run at this moment.
//
// Problem: a running task's registers are on its thread, and the task may be in a loop of foreign code where nothing stops it.
// Mechanism: the thread is asked by the signal that preempts; its handler walks the stack that it interrupted, writes the trace down and goes on.
// So nobody waits for anybody, whatever locks the interrupted code holds, and tasks are traced where they could not be stopped.
// Invariants: a capture belongs to whoever asked until it is put into worker::wanted_trace; whoever takes it out of there owns it. One that is
// being filled when the patience ends is never freed.
// Rejected: stopping the task like for a collection (foreign code cannot be, and is what one wants to see), and reading a stopped thread's stack
// from another one (who holds the loader's lock meanwhile?).
#ifndef STILLPOINT_RUNTIME_TRACE_CAPTURE_H
#define STILLPOINT_RUNTIME_TRACE_CAPTURE_H

#include "sched/core.h"
#include "trace/frames.h"

#include <atomic>
#include <vector>

namespace stillpoint::rt::trace {

struct capture {
  worker *asked = nullptr;
  const task *who = nullptr; // null: the thread ran none
  std::uint64_t id = 0;
  bool given_up = false;
  std::atomic<bool> done{false};
  trail where;
};

// Asks all threads that run tasks, and waits `patience_ns` at most. Throws std::bad_alloc. Not on a worker's thread.
class captures {
public:
  explicit captures(std::uint64_t patience_ns);
  ~captures();
  captures(const captures &) = delete;
  captures &operator=(const captures &) = delete;

  // Where the task was, or null.
  [[nodiscard]] const trail *find(const task &t) const noexcept;

private:
  std::vector<capture *> all_;
};

} // namespace stillpoint::rt::trace

#endif
