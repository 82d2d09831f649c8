// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What it costs to find the references in a stack, per frame, at several depths; and what others take to walk the same frames without looking for
// any: libunwind's cursor and its backtrace, which keeps a cache, glibc's backtrace, a chain of frame pointers. This file is foreign code (scan_stack.cpp is managed).
//
// Prints "WAY DEPTH NANOSECONDS FRAMES ROOTS" for each; medians of several runs, per frame.
#include "clock.h"
#include "scan_stack.h"

#include "runtime/preempt/deferred.h"
#include "runtime/scan/scan.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <dlfcn.h>

#define UNW_LOCAL_ONLY
#include <libunwind.h>

namespace {

namespace rt = stillpoint::rt;

constexpr int runs = 15;
constexpr int times = 200;

struct walked {
  std::uint64_t frames = 0;
  std::uint64_t roots = 0;
};

template <class Walk>
void report(const char *way, int depth, Walk walk) {
  std::array<double, runs> taken;
  walked last;
  for (double &one : taken) {
    const std::uint64_t start = bench::now();
    for (int i = 0; i < times; ++i) {
      last = walk();
      asm volatile("" ::: "memory"); // each time anew
    }
    one = static_cast<double>(bench::now() - start) / times / static_cast<double>(last.frames);
  }
  std::sort(taken.begin(), taken.end());
  std::printf("%s %d %.2f %lu %lu\n", way, depth, taken[runs / 2], last.frames, last.roots);
}

walked scan(const rt::task &t) {
  walked w;
  rt::scan::frame_counts counts;
  rt::scan::roots(t, [](void *context, std::uintptr_t *root) { *static_cast<std::uint64_t *>(context) += *root != 0; }, &w.roots, counts);
  w.frames = counts.managed;
  return w;
}

walked by_libunwind() {
  walked w;
  unw_context_t context;
  unw_cursor_t cursor;
  unw_getcontext(&context);
  unw_init_local(&cursor, &context);
  while (unw_step(&cursor) > 0)
    ++w.frames;
  return w;
}

using backtrace_function = int(void **, int);

// libunwind has one of the same name, which would come first.
backtrace_function *glibc_backtrace() {
  static auto *const found = reinterpret_cast<backtrace_function *>(dlsym(dlopen("libc.so.6", RTLD_NOW), "backtrace"));
  return found;
}

walked by(backtrace_function *walk) {
  std::array<void *, 600> addresses;
  return {static_cast<std::uint64_t>(walk(addresses.data(), static_cast<int>(addresses.size()))), 0};
}

[[gnu::noinline]] walked by_frame_pointers() {
  walked w;
  auto *frame = static_cast<const std::uintptr_t *>(__builtin_frame_address(0));
  for (; frame != nullptr && frame[0] != 0; frame = reinterpret_cast<const std::uintptr_t *>(frame[0]))
    ++w.frames;
  return w;
}

} // namespace

[[gnu::noinline]] void bench::at_the_bottom(int depth) {
  const rt::worker &w = *rt::this_worker();
  rt::task t; // as the calling task would be if it had parked here
  t.caller = STILLPOINT_CALLER_OF_THIS_FUNCTION();
  t.stack_low = w.current->stack_low;
  t.stack_high = w.current->stack_high;
  t.last_worker = w.current->last_worker;
  report("ours", depth, [&] { return scan(t); });
  report("frame_pointers", depth, by_frame_pointers);
  report("libunwind", depth, by_libunwind);
  report("libunwind_backtrace", depth, [] { return by(unw_backtrace); });
  report("backtrace", depth, [] { return by(glibc_backtrace()); });
}

int main() { bench::run_deep(); }
