// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Every environment variable the runtime knows, read in one place. docs/environment.md describes them to the user.
//
// Mechanism: read once, at the first run(); a value that cannot be understood ends the program with a message that names the variable and
// the value (a setting that is silently ignored costs more than one that is refused). Rejected: reading where used (a handler may not
// call getenv).
#ifndef STILLPOINT_RUNTIME_CONFIG_H
#define STILLPOINT_RUNTIME_CONFIG_H

#include <cstdint>

namespace stillpoint::rt {

inline constexpr unsigned max_processors = 1024;
inline constexpr unsigned most_lent = 32; // see runtime/sched/scheduler.h
inline constexpr unsigned max_slots = max_processors + most_lent;
inline constexpr std::uint64_t default_slice_ns = 10'000'000;
inline constexpr std::uint64_t min_slice_ns = 20'000;
inline constexpr std::uint64_t max_slice_ns = 1'000'000'000'000;
inline constexpr std::uint64_t min_storm_ns = 10'000;
inline constexpr std::uint64_t max_storm_ns = 1'000'000'000;
inline constexpr std::uint64_t default_idle_ns = 10'000'000'000;
inline constexpr std::uint64_t min_idle_ns = 1'000'000;
inline constexpr std::uint64_t max_idle_ns = 1'000'000'000'000'000;
inline constexpr int max_gc_percent = 100'000;
inline constexpr std::uint64_t min_memory_limit = std::uint64_t{1} << 20;
inline constexpr std::uint64_t max_memory_limit = std::uint64_t{256} << 30;

struct settings {
  unsigned processors = 1;                   // STILLPOINT_PROCS; default: the CPUs that the affinity mask and the control group allow
  unsigned cpus = 1;                         // what its default is, or where it is set the CPUs of the affinity mask alone
  std::uint64_t slice_ns = default_slice_ns; // STILLPOINT_SLICE
  std::uint64_t idle_ns = default_idle_ns;   // STILLPOINT_IDLE; all ones: for ever
  int gc_percent = 100;                      // STILLPOINT_GC; -1: off
  std::uint64_t memory_limit = 0;            // STILLPOINT_MEMORY_LIMIT, bytes; 0: none
  // STILLPOINT_DEBUG=name=value,...
  bool asyncpreemptoff = false;    // send no signals, and refuse in the handler
  bool returntraps = true;         // returntraps=0: lay no traps at returns from foreign code
  bool preemptstats = false;       // print the counters when run() ends
  std::uint64_t schedtrace_ns = 0; // schedtrace=N: print a line about the scheduler every N ms, and one when run() ends; 0: none
  enum class quit : std::uint8_t { off, end, go_on };
  quit sigquit = quit::end;      // sigquit=0: leave SIGQUIT alone. 1: print all tasks, then what the system does. continue: only print
  bool deadlock_off = false;     // deadlock=0: do not end the program when all tasks sleep for ever
  bool gctrace = false;          // print one line for each collection
  bool gcpoison = false;         // fill what died, and let nobody have it again for one collection
  bool gcstress_alloc = false;   // gcstress=alloc: a whole collection at every allocation; implies gcpoison
  std::uint64_t storm_ns = 0;    // storm=20us: ask every running task to stop so often; 0: do not
  bool gcstress_preempt = false; // gcstress=preempt: the same whenever a task was preempted

  bool operator==(const settings &) const = default;
};

// Reads the environment afresh. Not for signal handlers; ends the process on a bad value.
settings read_settings();

// The settings of the latest run(); defaults before the first. Any thread, also in signal handlers.
const settings &config() noexcept;
// run() only. What config() returned before stays valid: a worker that an earlier run left behind may be reading it.
void set_config(const settings &s);

} // namespace stillpoint::rt

#endif
