// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Doing something exactly once.
#ifndef STILLPOINT_ONCE_HPP
#define STILLPOINT_ONCE_HPP

#include <stillpoint/mutex.hpp>

#include <atomic>
#include <functional>
#include <mutex>
#include <utility>

namespace stillpoint {

/// What call_once() remembers. Like std::once_flag and Go's sync.Once.
class once_flag {
public:
  constexpr once_flag() noexcept = default;
  once_flag(const once_flag &) = delete;
  once_flag &operator=(const once_flag &) = delete;

private:
  template <class F, class... Arguments>
  friend void call_once(once_flag &flag, F &&f, Arguments &&...arguments);

  std::atomic<bool> done_{false};
  mutex calling_;
};

/// Calls `f`, unless a call with this flag has returned; who comes meanwhile waits for it, its processor running other tasks. An `f` that throws
/// counts as not called: the exception goes to its caller, and the next in line calls. An `f` that comes back to the same flag waits for itself.
/// Unlike under std::call_once, `f` may be preempted and may wait. Tasks only, if it has to wait: throws std::logic_error elsewhere.
template <class F, class... Arguments>
void call_once(once_flag &flag, F &&f, Arguments &&...arguments) {
  if (flag.done_.load(std::memory_order_acquire)) // pairs with the store below
    return;
  const std::lock_guard held(flag.calling_);
  if (flag.done_.load(std::memory_order_relaxed)) // behind the lock
    return;
  std::invoke(std::forward<F>(f), std::forward<Arguments>(arguments)...);
  flag.done_.store(true, std::memory_order_release);
}

} // namespace stillpoint

#endif
