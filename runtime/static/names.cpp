// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The C library's own locks, by the names that they have in its archive: for programs that are linked with -static.
//
// Problem: the runtime stands in front of these functions (preempt/held.h) and finds those behind it by dlsym(RTLD_NEXT), which finds nothing in a
// program without a dynamic linker. In glibc's archive the public names are weak and stand beside names that begin with underscores.
// Mechanism: a table from the one to the other. It is in libstillpoint.a only, and linked only where somebody asks for it
// (-Wl,--undefined=__stillpoint_static_names): stillpoint-clang -static does. libstdc++ has its guards of local statics under one name only, so
// those are written anew here, over the C++ ABI's 8 bytes: the first byte says whether it is done; the second half is ours.
// Invariants: the names are glibc's (2.34 and later); with another C library the link fails and names them. docs/decisions/0019.
// Rejected: --wrap (a list of 27 options, and calls inside the C library pass it by); an archive without interposition (a task preempted while
// it holds a mutex blocks its processor for ever).
#include "runtime/preempt/held.h"
#include "runtime/sched/lock.h"

#include <climits>
#include <cstdint>

namespace stillpoint::rt::preempt {
namespace {

using word = std::atomic<std::uint32_t>;
enum : std::uint32_t { idle, busy, awaited };

std::atomic<std::uint8_t> &done(std::int64_t *guard) noexcept { return *reinterpret_cast<std::atomic<std::uint8_t> *>(guard); }
word &state(std::int64_t *guard) noexcept { return *reinterpret_cast<word *>(reinterpret_cast<char *>(guard) + 4); }

void leave(std::int64_t *guard) noexcept {
  if (state(guard).exchange(idle, std::memory_order_release) == awaited) // pairs with enter
    futex_wake(state(guard), INT_MAX);
}

int enter(std::int64_t *guard) noexcept {
  for (;;) {
    if (done(guard).load(std::memory_order_acquire) != 0) // pairs with finish, as the compiler's own look does
      return 0;
    std::uint32_t seen = idle;
    if (state(guard).compare_exchange_strong(seen, busy, std::memory_order_acquire, std::memory_order_relaxed)) {
      if (done(guard).load(std::memory_order_acquire) == 0)
        return 1;
      leave(guard); // somebody finished in between
      return 0;
    }
    if (seen == awaited || state(guard).compare_exchange_strong(seen, awaited, std::memory_order_relaxed))
      futex_wait(state(guard), awaited);
  }
}

void finish(std::int64_t *guard) noexcept {
  done(guard).store(1, std::memory_order_release); // pairs with enter
  leave(guard);
}

template <class Function>
constexpr void *address(Function *f) noexcept {
  return reinterpret_cast<void *>(f);
}

} // namespace
} // namespace stillpoint::rt::preempt

extern "C" {
#define STILLPOINT_STATIC_NAMES(X)                                                                                                         \
  X(pthread_mutex_lock, "___")                                                                                                             \
  X(pthread_mutex_trylock, "___")                                                                                                          \
  X(pthread_mutex_timedlock, "___")                                                                                                        \
  X(pthread_mutex_clocklock, "___")                                                                                                        \
  X(pthread_mutex_unlock, "___")                                                                                                           \
  X(pthread_rwlock_rdlock, "___")                                                                                                          \
  X(pthread_rwlock_wrlock, "___")                                                                                                          \
  X(pthread_rwlock_tryrdlock, "___")                                                                                                       \
  X(pthread_rwlock_trywrlock, "___")                                                                                                       \
  X(pthread_rwlock_timedrdlock, "___")                                                                                                     \
  X(pthread_rwlock_timedwrlock, "___")                                                                                                     \
  X(pthread_rwlock_clockrdlock, "___")                                                                                                     \
  X(pthread_rwlock_clockwrlock, "___")                                                                                                     \
  X(pthread_rwlock_unlock, "___")                                                                                                          \
  X(pthread_spin_lock, "__")                                                                                                               \
  X(pthread_spin_trylock, "__")                                                                                                            \
  X(pthread_spin_unlock, "__")                                                                                                             \
  X(mtx_lock, "__")                                                                                                                        \
  X(mtx_trylock, "__")                                                                                                                     \
  X(mtx_timedlock, "___")                                                                                                                  \
  X(mtx_unlock, "__")                                                                                                                      \
  X(flockfile, "__")                                                                                                                       \
  X(ftrylockfile, "__")                                                                                                                    \
  X(funlockfile, "__")
#define STILLPOINT_DECLARE(name, prefix) void stillpoint_real_##name() asm(prefix #name);
STILLPOINT_STATIC_NAMES(STILLPOINT_DECLARE)

using namespace stillpoint::rt::preempt;
#define STILLPOINT_ENTRY(name, prefix) {#name, address(stillpoint_real_##name)},
extern const static_name __stillpoint_static_names[];
const static_name __stillpoint_static_names[] = {STILLPOINT_STATIC_NAMES(STILLPOINT_ENTRY){"__cxa_guard_acquire", address(enter)},
                                                 {"__cxa_guard_release", address(finish)},
                                                 {"__cxa_guard_abort", address(leave)},
                                                 {nullptr, nullptr}};
}
