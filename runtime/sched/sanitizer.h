// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Tells AddressSanitizer and ThreadSanitizer that a thread changes stacks. Empty in ordinary builds.
#ifndef STILLPOINT_RUNTIME_SCHED_SANITIZER_H
#define STILLPOINT_RUNTIME_SCHED_SANITIZER_H

#include "sched/core.h"

#include <cstddef>

#if __has_feature(address_sanitizer)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#if __has_feature(thread_sanitizer)
#include <sanitizer/tsan_interface.h>
#endif

namespace stillpoint::rt::sanitizer {

inline constexpr bool active = __has_feature(address_sanitizer) || __has_feature(thread_sanitizer);

// The scheduler's side of a worker.
struct thread_side {
  void *fiber = nullptr;        // ThreadSanitizer's for the thread, AddressSanitizer's fake stack
  const void *bottom = nullptr; // the thread's own stack, as AddressSanitizer found it
  std::size_t size = 0;
};

#if __has_feature(address_sanitizer)
inline void task_created(task &t) noexcept {
  __asan_unpoison_memory_region(reinterpret_cast<void *>(t.stack_low), t.stack_high - t.stack_low);
}
inline void task_recycled(task &) noexcept {}
inline void before_task(thread_side &s, task &t) noexcept {
  __sanitizer_start_switch_fiber(&s.fiber, reinterpret_cast<void *>(t.stack_low), t.stack_high - t.stack_low);
}
inline void after_task(thread_side &s) noexcept { __sanitizer_finish_switch_fiber(s.fiber, nullptr, nullptr); }
inline void task_begins(thread_side &s) noexcept { __sanitizer_finish_switch_fiber(nullptr, &s.bottom, &s.size); }
inline void before_scheduler(thread_side &s, task &t, bool for_good) noexcept {
  __sanitizer_start_switch_fiber(for_good ? nullptr : &t.sanitizer_fiber, s.bottom, s.size);
}
inline void after_scheduler(thread_side &s, task &t) noexcept { __sanitizer_finish_switch_fiber(t.sanitizer_fiber, &s.bottom, &s.size); }
#elif __has_feature(thread_sanitizer)
inline void task_created(task &t) noexcept { t.sanitizer_fiber = __tsan_create_fiber(0); }
inline void task_recycled(task &t) noexcept { __tsan_destroy_fiber(t.sanitizer_fiber); }
inline void before_task(thread_side &s, task &t) noexcept {
  s.fiber = __tsan_get_current_fiber();
  __tsan_switch_to_fiber(t.sanitizer_fiber, 0);
}
inline void after_task(thread_side &) noexcept {}
inline void task_begins(thread_side &) noexcept {}
inline void before_scheduler(thread_side &s, task &, bool) noexcept { __tsan_switch_to_fiber(s.fiber, 0); }
inline void after_scheduler(thread_side &, task &) noexcept {}
#else
inline void task_created(task &) noexcept {}
inline void task_recycled(task &) noexcept {}
inline void before_task(thread_side &, task &) noexcept {}
inline void after_task(thread_side &) noexcept {}
inline void task_begins(thread_side &) noexcept {}
inline void before_scheduler(thread_side &, task &, bool) noexcept {}
inline void after_scheduler(thread_side &, task &) noexcept {}
#endif

} // namespace stillpoint::rt::sanitizer

#endif
