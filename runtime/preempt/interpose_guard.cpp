// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The guards of C++ local statics, counted as locks (held.h says why and how): while a static is being initialized, other tasks that come by
// wait for it in the kernel.
#include "runtime/preempt/held.h"
#include "stillpoint/export.hpp"

#include <cstdint>

namespace stillpoint::rt::preempt {
namespace {

// The C++ ABI's guard, 64 bits wide; only the C++ library looks inside.
using guard = std::int64_t;

constinit real_function<int(guard *)> real_acquire{"__cxa_guard_acquire"};
constinit real_function<void(guard *)> real_release{"__cxa_guard_release"};
constinit real_function<void(guard *)> real_abort{"__cxa_guard_abort"};

// What the exported functions jump to for a stop (deferred.h). They cannot be noexcept: such a function has no tail calls that are certain.
[[gnu::noinline]] void stop_given_back(guard *) noexcept { stop_at_call(STILLPOINT_CALLER_OF_THIS_FUNCTION()); }

[[gnu::constructor(101)]] void resolve() noexcept {
  real_acquire.resolve();
  real_release.resolve();
  real_abort.resolve();
}

} // namespace
} // namespace stillpoint::rt::preempt

using namespace stillpoint::rt::preempt;

extern "C" {

// 1: the caller initializes and calls release or abort; 0: somebody has done it.
STILLPOINT_API int __cxa_guard_acquire(std::int64_t *g) {
  const int mine = real_acquire(g);
  if (mine != 0)
    count_taken();
  return mine;
}

STILLPOINT_API void __cxa_guard_release(std::int64_t *g) {
  real_release(g);
  if (count_given_back()) [[clang::musttail]]
    return stop_given_back(g);
}

STILLPOINT_API void __cxa_guard_abort(std::int64_t *g) {
  real_abort(g);
  if (count_given_back()) [[clang::musttail]]
    return stop_given_back(g);
}
}
