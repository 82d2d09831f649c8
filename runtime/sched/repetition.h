// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// When the monitor asks a task once more to give way.
//
// Problem: a request is refused where the task may not be stopped just then; and to get up for nothing takes a CPU from a task, often while that is just
// being stopped. Mechanism: 20 us after the first request, then twice as long each time; but 100 us after the first where the worker obeyed last
// time, since it will this time. Rejected: to wait for an answer (a signal may be late or lost).
#ifndef STILLPOINT_RUNTIME_SCHED_REPETITION_H
#define STILLPOINT_RUNTIME_SCHED_REPETITION_H

#include <algorithm>
#include <cstdint>

namespace stillpoint::rt::sched {

// Of the requests to one task that runs.
class repetition {
public:
  static constexpr std::uint64_t first_ns = 20'000;
  static constexpr std::uint64_t trusting_ns = 100'000;
  static constexpr std::uint64_t last_ns = 1'000'000;
  static constexpr std::uint64_t last_silent_ns = 5'000'000; // where no signals are sent, and only looked

  void begin() noexcept { wait_ = 0; }
  // How long to wait after a request. `obeyed`: the worker did what it was asked for last.
  std::uint64_t next(bool obeyed, bool silent) noexcept {
    if (wait_ != 0) {
      wait_ = std::min(2 * wait_, silent ? last_silent_ns : last_ns);
      return wait_;
    }
    wait_ = first_ns;
    return obeyed ? trusting_ns : first_ns;
  }

private:
  std::uint64_t wait_ = 0;
};

} // namespace stillpoint::rt::sched

#endif
