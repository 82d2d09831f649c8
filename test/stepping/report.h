// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a stepped program tells run.py: a file that both map, so that it is there however the program ends. run.py reads it by this layout.
#ifndef STILLPOINT_TEST_STEPPING_REPORT_H
#define STILLPOINT_TEST_STEPPING_REPORT_H

#include <cstdint>

namespace stillpoint::test {

enum class figure : unsigned {
  steps,     // managed instructions that tasks executed, each repetition of a string instruction counted
  safe,      // of them: where isAsyncSafePoint said yes, and the task may move
  pinned,    // ... and may not
  preempted, // of these: stopped and resumed
  with_vectors,
  collected,   // of the stops: with a collection
  overwritten, // of safe and pinned: with everything dead overwritten
  registers,   // in sum
  without_live_set,
  differences,   // the state was another after a stop
  refused_late,  // isAsyncSafePoint said yes and the handler no
  not_compared,  // too many tasks at once
  unsafe_frame,  // the tables: no frame is known here
  unsafe_place,  // ... no stop here
  unsafe_caller, // ... of a caller
  other_threads, // traps outside of tasks
  count
};

struct step_report {
  static constexpr std::uint64_t expected_magic = 0x53504554530001;
  std::uint64_t magic;
  std::uint64_t text_begin, text_size;
  std::uint64_t first_difference_pc;
  char first_difference[64];
  std::uint64_t figures[32];
  std::uint64_t refusals[32]; // by stillpoint::refusal
  // Behind it, for each byte of the text: a std::uint32_t, how often it was executed, then a byte, 1 + the last refusal there.
};
static_assert(sizeof(step_report) == 96 + 64 * 8);

} // namespace stillpoint::test

#endif
