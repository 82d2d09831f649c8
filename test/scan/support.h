// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The functions of kernels.S with what is known of them, and their tables.
#ifndef STILLPOINT_TEST_SCAN_SUPPORT_H
#define STILLPOINT_TEST_SCAN_SUPPORT_H

#include "runtime/sched/core.h"
#include "stillpoint/abi/map_format.h"

#include <cstdint>
#include <optional>
#include <vector>

extern "C" {
void scan_outer(void *job);
void scan_call_foreign(void *job);
void scan_called_back(void *job);
void scan_call_with_registers(void (*function)(void *), const std::uintptr_t values[6], void *argument);
}

namespace stillpoint::test {

struct job {
  std::uintptr_t objects[16];
  void (*park)(void *) = nullptr;    // what kernels call to park
  void (*foreign)(void *) = nullptr; // what scan_call_foreign calls
};
static_assert(offsetof(job, park) == 128 && offsetof(job, foreign) == 136);

// The tables, made from the states; registered while it lives.
class scan_tables {
public:
  scan_tables();
  ~scan_tables();
  scan_tables(const scan_tables &) = delete;
  scan_tables &operator=(const scan_tables &) = delete;

private:
  abi::module_descriptor descriptor_{}; // no roots and no write barriers
};

// Which objects the stack refers to at this instruction, if that is known.
std::optional<std::uint32_t> truth_at(std::uintptr_t pc);

// The scan's answer: a bit for each object; bit 31 for roots that are no object.
std::uint32_t scanned(const rt::task &t, const job &j);

} // namespace stillpoint::test

#endif
