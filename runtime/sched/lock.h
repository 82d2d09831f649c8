// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The runtime's own mutex, and the futex calls under it.
//
// Problem: pthread mutexes are counted by preemption (a task that holds one is left alone) and may be interposed by users; the runtime's
// locks must be neither. Mechanism: a three-state futex mutex (free, held, held with waiters), with a short spin, and Clang's thread-safety
// annotations. Invariants: never held across a switch of tasks. Lock order: wait lists (sync) < timers < scheduler < processor's pinned
// queue;
// the pools of stacks and tasks are leaves. Rejected: std::mutex (is pthread_mutex_t), spinning alone (workers may outnumber CPUs).
#ifndef STILLPOINT_RUNTIME_SCHED_LOCK_H
#define STILLPOINT_RUNTIME_SCHED_LOCK_H

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define STILLPOINT_CAPABILITY(x) __attribute__((capability(x)))
#define STILLPOINT_SCOPED_CAPABILITY __attribute__((scoped_lockable))
#define STILLPOINT_GUARDED_BY(x) __attribute__((guarded_by(x)))
#define STILLPOINT_REQUIRES(...) __attribute__((requires_capability(__VA_ARGS__)))
#define STILLPOINT_ACQUIRE(...) __attribute__((acquire_capability(__VA_ARGS__)))
#define STILLPOINT_TRY_ACQUIRE(...) __attribute__((try_acquire_capability(__VA_ARGS__)))
#define STILLPOINT_RELEASE(...) __attribute__((release_capability(__VA_ARGS__)))
#define STILLPOINT_EXCLUDES(...) __attribute__((locks_excluded(__VA_ARGS__)))
#define STILLPOINT_UNCHECKED_LOCKING __attribute__((no_thread_safety_analysis))

namespace stillpoint::rt {

// A point in time that never comes. Times are nanoseconds of CLOCK_MONOTONIC.
inline constexpr std::uint64_t never = UINT64_MAX;

inline std::uint64_t monotonic_now() noexcept {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<std::uint64_t>(t.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(t.tv_nsec);
}

inline void futex_wake(std::atomic<std::uint32_t> &word, int count) noexcept {
  ::syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, count, nullptr, nullptr, 0);
}

// Sleeps while `word` is `expected`, until a wake-up or the absolute time `deadline`. Returns at any time: callers check again.
inline void futex_wait(std::atomic<std::uint32_t> &word, std::uint32_t expected, std::uint64_t deadline = never) noexcept {
  timespec t;
  t.tv_sec = static_cast<time_t>(deadline / 1'000'000'000);
  t.tv_nsec = static_cast<long>(deadline % 1'000'000'000);
  ::syscall(SYS_futex, &word, FUTEX_WAIT_BITSET_PRIVATE, expected, deadline == never ? nullptr : &t, nullptr, FUTEX_BITSET_MATCH_ANY);
}

class STILLPOINT_CAPABILITY("mutex") lock {
public:
  constexpr lock() noexcept = default;
  lock(const lock &) = delete;
  lock &operator=(const lock &) = delete;

  void acquire() noexcept STILLPOINT_ACQUIRE() {
    std::uint32_t seen = free;
    // Acquire: pairs with the release in release().
    if (!word_.compare_exchange_strong(seen, held, std::memory_order_acquire, std::memory_order_relaxed))
      acquire_slowly();
  }

  // For who has something else to do meanwhile.
  bool try_acquire() noexcept STILLPOINT_TRY_ACQUIRE(true) {
    std::uint32_t seen = free;
    return word_.compare_exchange_strong(seen, held, std::memory_order_acquire, std::memory_order_relaxed);
  }

  void release() noexcept STILLPOINT_RELEASE() {
    // Release: pairs with the acquires above.
    if (word_.exchange(free, std::memory_order_release) == contended)
      futex_wake(word_, 1);
  }

private:
  static constexpr std::uint32_t free = 0, held = 1, contended = 2;

  void acquire_slowly() noexcept {
    for (int spin = 0; spin < 100; ++spin) {
      std::uint32_t seen = free;
      if (word_.load(std::memory_order_relaxed) == free &&
          word_.compare_exchange_weak(seen, held, std::memory_order_acquire, std::memory_order_relaxed))
        return;
      __builtin_ia32_pause();
    }
    while (word_.exchange(contended, std::memory_order_acquire) != free)
      futex_wait(word_, contended);
  }

  std::atomic<std::uint32_t> word_{free};
};

class STILLPOINT_SCOPED_CAPABILITY lock_guard {
public:
  explicit lock_guard(lock &l) noexcept STILLPOINT_ACQUIRE(l) : lock_(l) { lock_.acquire(); }
  ~lock_guard() STILLPOINT_RELEASE() { lock_.release(); }
  lock_guard(const lock_guard &) = delete;
  lock_guard &operator=(const lock_guard &) = delete;

private:
  lock &lock_;
};

} // namespace stillpoint::rt

#endif
