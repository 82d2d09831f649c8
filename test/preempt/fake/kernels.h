// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The functions of kernels.S, and their tables' descriptor.
#ifndef STILLPOINT_TEST_PREEMPT_KERNELS_H
#define STILLPOINT_TEST_PREEMPT_KERNELS_H

#include "stillpoint/abi/map_format.h"

#include <atomic>
#include <cstdint>

extern "C" {
void kernel_general(void *buffer);
void kernel_avx512(void *buffer);
void kernel_avx2(void *buffer);
void kernel_sse(void *buffer);
void kernel_x87(void *buffer);
void kernel_words(void *buffer);
void spin_safe(void *flag);
void spin_vector(void *flag);
void spin_unsafe(void *flag);
void spin_for_corruption(void *flag);
void spin_pinned(void *flag);
void spin_unknown(void *flag);
void call_spin(void *flag);
void call_spin_pinned(void *flag);
void call_spin_unsafe(void *flag);
void call_spin_unknown(void *flag);
void call_with_frame_pointer(void *flag);
void call_foreign(void *flag);
}

namespace stillpoint::test {

// What the spinners get.
struct spin_flag {
  std::atomic<std::uint32_t> stop{0};
  std::atomic<std::uint64_t> turns{0};
  void (*function)(void *) = nullptr; // call_foreign only
};
static_assert(sizeof(spin_flag) == 24);

// The tables of kernels.S, in writable copies of their own near the code; registered while it lives.
class kernel_tables {
public:
  kernel_tables();
  ~kernel_tables();
  kernel_tables(const kernel_tables &) = delete;
  kernel_tables &operator=(const kernel_tables &) = delete;

  stillpoint::abi::module_descriptor descriptor;
  static inline unsigned char marking = 0; // what the runtime tells write barriers
  // Makes the table contradict itself at `function`, or mends it.
  void spoil(void (*function)(void *));
  void mend();
};

} // namespace stillpoint::test

#endif
