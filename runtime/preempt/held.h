// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Counting the locks of the C and C++ libraries that a task holds (interpose_*.cpp).
//
// Problem: a task that is preempted with a pthread mutex held can stop its whole processor: the next task waits for the mutex in the kernel, and
// the holder never runs again (brpc 2692).
// Mechanism: functions of the same name in this library come before the C library's; they call the real one and count in the task. While the
// count is not zero the handler refuses.
// Invariants: a count changes only in its own task, in foreign code, so the handler never sees half a change. A lock that is given back by
// another task than took it leaves the first one counted: such code keeps its task from being preempted, which is safe.
// Rejected: a list of held locks (memory for each task, and nothing needs to know which).
#ifndef STILLPOINT_RUNTIME_PREEMPT_HELD_H
#define STILLPOINT_RUNTIME_PREEMPT_HELD_H

#include "runtime/fatal.h"
#include "runtime/preempt/deferred.h"
#include "runtime/sched/core.h"

#include <atomic>

namespace stillpoint::rt::preempt {

inline task *task_of_this_thread() noexcept {
  const worker *const w = this_worker();
  return w != nullptr ? w->current : nullptr;
}

inline void count_taken() noexcept {
  if (task *const t = task_of_this_thread(); t != nullptr)
    ++t->held_mutexes;
}

// Whether the task should be stopped now (deferred.h), which is for the exported function itself to do: it knows its caller.
inline bool count_given_back() noexcept {
  task *const t = task_of_this_thread();
  if (t != nullptr && t->held_mutexes != 0)
    --t->held_mutexes;
  return wanted_and_allowed(t);
}

// What stands for dlsym(RTLD_NEXT) in a program that is linked with -static: see static/names.cpp.
struct static_name {
  const char *name;
  void *function;
};
// The function of that name behind ours; null: there is none.
void *next_function(const char *name) noexcept;

// The function of the same name behind ours. resolve() is called when the library is loaded; a call that comes before that (from another
// library's constructor) resolves it then.
template <class Function>
class real_function {
public:
  constexpr explicit real_function(const char *name) noexcept : name_(name) {}

  void resolve() noexcept { found_.store(reinterpret_cast<Function *>(next_function(name_)), std::memory_order_relaxed); }

  template <class... Arguments>
  auto operator()(Arguments... arguments) {
    return get()(arguments...);
  }

private:
  Function *get() noexcept {
    Function *found = found_.load(std::memory_order_relaxed);
    if (found != nullptr) [[likely]]
      return found;
    resolve();
    found = found_.load(std::memory_order_relaxed);
    if (found == nullptr)
      fatal(message() << "the C library has no " << name_
                      << "; a program that is linked with -static wants -Wl,--undefined=__stillpoint_static_names in front of "
                         "-lstillpoint, as stillpoint-clang does");
    return found;
  }

  const char *name_;
  std::atomic<Function *> found_{nullptr};
};

} // namespace stillpoint::rt::preempt

#endif
