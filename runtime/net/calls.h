// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// System calls that may have to wait, for the exported functions of net/.
//
// Invariant: errno is read in a function that does not park, and handed on as a negative result: its address must not be kept over a switch to
// another thread. So the wrappers are not inlined.
#ifndef STILLPOINT_RUNTIME_NET_CALLS_H
#define STILLPOINT_RUNTIME_NET_CALLS_H

#include "arch/arch.h"
#include "net/descriptor.h"
#include "preempt/deferred.h"
#include "sched/sanitizer.h"

#include <cerrno>
#include <cstddef>
#include <system_error>

namespace stillpoint::net::detail {

// A system call's result or minus its errno; interrupted ones are repeated.
template <class F>
[[gnu::noinline]] long call(F f) noexcept {
  for (;;) {
    const long n = f();
    if (n >= 0)
      return n;
    if (errno != EINTR)
      return -long{errno};
  }
}

// The same without the C library, for what each request of a server needs: the library makes it a point of cancellation, by two locked instructions.
// The sanitizers have to see the library's calls: `otherwise` is what they see.
template <class F>
long quick_call(F otherwise, long number, int file, const void *data, std::size_t size, long flags) noexcept {
  if constexpr (rt::sanitizer::active)
    return call(otherwise);
  for (;;) {
    const long n = rt::arch::system_call(number, file, reinterpret_cast<long>(data), static_cast<long>(size), flags);
    if (n != -EINTR)
      return n;
  }
}

// The same for calls that must not be repeated.
template <class F>
[[gnu::noinline]] long call_once(F f) noexcept {
  const long n = f();
  return n >= 0 ? n : -long{errno};
}

inline void assign(std::error_code &ec, int error) noexcept {
  if (error == 0)
    ec.clear();
  else
    ec.assign(error, std::system_category());
}

// A result of call() for users: the number, or 0 and an error.
inline std::size_t answer(long result, std::error_code &ec) noexcept {
  assign(ec, result < 0 ? static_cast<int>(-result) : 0);
  return result < 0 ? 0 : static_cast<std::size_t>(result);
}

// Calls `f(file)` until it does not say EAGAIN. The operation has begun.
template <class F>
long repeat(operation &op, const rt::managed_caller &caller, F f) noexcept {
  for (;;) {
    const long n = f(op.file());
    if (n != -EAGAIN)
      return n;
    if (const int error = op.wait(caller))
      return -long{error};
  }
}

// The same, from the beginning.
template <class F>
long perform(descriptor *d, direction which, rt::worker &w, const rt::managed_caller &caller, F f) noexcept {
  if (!d)
    return -EBADF;
  operation op(*d, which, w, caller);
  if (!op)
    return -EBADF;
  if (const int error = op.begin())
    return -long{error};
  return repeat(op, caller, f);
}

// For what does not wait: `f(file)`, which gives a result of call(). A place to stop all the same: else a task that does little else would hardly
// ever be found where it can be stopped.
template <class F>
long perform_now(descriptor *d, const rt::managed_caller &caller, F f) noexcept {
  long n = -EBADF;
  if (d)
    if (const operation op(*d); op)
      n = f(op.file());
  rt::preempt::stop_if_wanted(caller);
  return n;
}

} // namespace stillpoint::net::detail

#endif
