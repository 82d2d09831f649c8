// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What every task of a run() is doing at one moment: taken quickly, by the monitor, and made into text by whoever wants it.
//
// Mechanism: the world is held (sched/world.h), so that hardly a task begins to run meanwhile; those that
// run write down themselves where they are (capture.h). Names are looked up later, when everybody runs again.
// Invariant: of a task that may be taken up meanwhile, and of all if the world cannot be held in time (a collection has it), only frames that the
// tables describe are followed: whatever changes, that reads nothing but the stack.
// Limit: a parked task that is woken and taken up in that moment by a straight switch counts as parked here.
#ifndef STILLPOINT_RUNTIME_TRACE_SNAPSHOT_H
#define STILLPOINT_RUNTIME_TRACE_SNAPSHOT_H

#include "sched/scheduler.h"
#include "trace/frames.h"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace stillpoint::rt::trace {

struct entry {
  std::uint64_t id = 0;
  char name[sizeof task::name] = {};
  task_state state = task_state::dead;
  bool in_call = false; // an announced one; then it is running
  bool locked = false;  // to its thread
  const char *waiting_for = nullptr;
  std::uint64_t since = 0; // when that state began; 0: not known
  std::uint64_t created_by = 0;
  std::uintptr_t created_at = 0;
  std::uintptr_t entry_point = 0; // of one that has not started
  bool interrupted = false;
  ending why = ending::complete;
  std::size_t first = 0; // of its addresses
  std::size_t count = 0;
};

struct snapshot {
  std::uint64_t taken_at = 0;
  unsigned processors = 0;
  bool held = false;
  bool complete = false; // false: there was no memory for all tasks
  std::vector<entry> tasks;
  std::vector<std::uintptr_t> pcs;
};

// The monitor's thread, or any other that is no worker.
void take(scheduler &s, snapshot &out) noexcept;

} // namespace stillpoint::rt::trace

#endif
