// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A thread that asks every worker's task to stop, again and again, while it lives.
#ifndef STILLPOINT_TEST_PREEMPT_STORM_H
#define STILLPOINT_TEST_PREEMPT_STORM_H

#include "runtime/sched/core.h"

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <string>
#include <thread>

namespace stillpoint::test {

class storm {
public:
  explicit storm(std::chrono::microseconds pause = std::chrono::microseconds(20)) : thread_([this, pause] { blow(pause); }) {}
  ~storm() {
    over_ = true;
    thread_.join();
  }
  storm(const storm &) = delete;
  storm &operator=(const storm &) = delete;

private:
  void blow(std::chrono::microseconds pause) {
    while (!over_) {
      for (rt::worker *w = rt::all_workers(); w != nullptr; w = w->next_all)
        if (rt::task *const t = __atomic_load_n(&w->current, __ATOMIC_RELAXED); t != nullptr) // task objects are never unmapped
          rt::preempt::request(*w, *t);
      std::this_thread::sleep_for(pause);
    }
  }

  std::atomic<bool> over_{false};
  std::thread thread_;
};

// For the next run().
inline void set_environment(unsigned processors, const char *slice = "100us", const char *debug = "") {
  setenv("STILLPOINT_PROCS", std::to_string(processors).c_str(), 1);
  setenv("STILLPOINT_SLICE", slice, 1);
  if (*debug != '\0')
    setenv("STILLPOINT_DEBUG", debug, 1);
  else
    unsetenv("STILLPOINT_DEBUG");
}

class deadline {
public:
  explicit deadline(std::chrono::milliseconds length) : until_(std::chrono::steady_clock::now() + length) {}
  [[nodiscard]] bool passed() const { return std::chrono::steady_clock::now() > until_; }

private:
  std::chrono::steady_clock::time_point until_;
};

} // namespace stillpoint::test

#endif
