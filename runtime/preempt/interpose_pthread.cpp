// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The C library's locks, counted (held.h says why and how).
//
// pthread_cond_wait and its kin take the mutex back before they return: the count stays as it is. Semaphores, barriers and once flags have no
// holder. The C11 locks and flockfile reach the C library's inner functions without a symbol in between, so they are here as well.
#include "runtime/preempt/held.h"
#include "stillpoint/export.hpp"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <dlfcn.h>
#include <pthread.h>
#include <threads.h>

// There if the program is linked with -static, and asks for it.
extern "C" [[gnu::weak]] const stillpoint::rt::preempt::static_name __stillpoint_static_names[];

namespace stillpoint::rt::preempt {

void *next_function(const char *name) noexcept {
  if (void *const found = dlsym(RTLD_NEXT, name))
    return found;
  const static_name *known = __stillpoint_static_names;
  if (known == nullptr)
    return nullptr;
  while (known->name != nullptr && std::strcmp(known->name, name) != 0)
    ++known;
  return known->function;
}

namespace {

// EOWNERDEAD: taken, from an owner that died.
int count_if_taken(int result) noexcept {
  if (result == 0 || result == EOWNERDEAD)
    count_taken();
  return result;
}

// What an exported function jumps to for a stop, so that giving back a lock costs no more where nobody asks (deferred.h).
template <class Lock>
[[gnu::noinline]] int stop_given_back(Lock *) noexcept {
  stop_at_call(STILLPOINT_CALLER_OF_THIS_FUNCTION());
  return 0;
}
[[gnu::noinline]] void stop_given_back_file(FILE *) noexcept { stop_at_call(STILLPOINT_CALLER_OF_THIS_FUNCTION()); }

} // namespace
} // namespace stillpoint::rt::preempt

// The functions that give back have names of their own here: as the C library declares them they are noexcept, and such a function has no
// tail calls that are certain.
extern "C" {
STILLPOINT_API int stillpoint_mutex_unlock(pthread_mutex_t *m) asm("pthread_mutex_unlock");
STILLPOINT_API int stillpoint_rwlock_unlock(pthread_rwlock_t *l) asm("pthread_rwlock_unlock");
STILLPOINT_API int stillpoint_spin_unlock(pthread_spinlock_t *l) asm("pthread_spin_unlock");
STILLPOINT_API void stillpoint_funlockfile(FILE *f) asm("funlockfile");
}

namespace stillpoint::rt::preempt {
namespace {

#define STILLPOINT_REAL(name)                                                                                                              \
  constinit real_function<decltype(::name)> real_##name { #name }
STILLPOINT_REAL(pthread_mutex_lock);
STILLPOINT_REAL(pthread_mutex_trylock);
STILLPOINT_REAL(pthread_mutex_timedlock);
STILLPOINT_REAL(pthread_mutex_clocklock);
STILLPOINT_REAL(pthread_mutex_unlock);
STILLPOINT_REAL(pthread_rwlock_rdlock);
STILLPOINT_REAL(pthread_rwlock_wrlock);
STILLPOINT_REAL(pthread_rwlock_tryrdlock);
STILLPOINT_REAL(pthread_rwlock_trywrlock);
STILLPOINT_REAL(pthread_rwlock_timedrdlock);
STILLPOINT_REAL(pthread_rwlock_timedwrlock);
STILLPOINT_REAL(pthread_rwlock_clockrdlock);
STILLPOINT_REAL(pthread_rwlock_clockwrlock);
STILLPOINT_REAL(pthread_rwlock_unlock);
STILLPOINT_REAL(pthread_spin_lock);
STILLPOINT_REAL(pthread_spin_trylock);
STILLPOINT_REAL(pthread_spin_unlock);
STILLPOINT_REAL(mtx_lock);
STILLPOINT_REAL(mtx_trylock);
STILLPOINT_REAL(mtx_timedlock);
STILLPOINT_REAL(mtx_unlock);
STILLPOINT_REAL(flockfile);
STILLPOINT_REAL(ftrylockfile);
STILLPOINT_REAL(funlockfile);
#undef STILLPOINT_REAL

template <class... Functions>
void resolve_all(Functions &...functions) noexcept {
  (functions.resolve(), ...);
}

// Before main, so that no handler and no thread ever resolves one.
[[gnu::constructor(101)]] void resolve() noexcept {
  resolve_all(real_pthread_mutex_lock, real_pthread_mutex_trylock, real_pthread_mutex_timedlock, real_pthread_mutex_clocklock,
              real_pthread_mutex_unlock, real_pthread_rwlock_rdlock, real_pthread_rwlock_wrlock, real_pthread_rwlock_tryrdlock,
              real_pthread_rwlock_trywrlock, real_pthread_rwlock_timedrdlock, real_pthread_rwlock_timedwrlock,
              real_pthread_rwlock_clockrdlock, real_pthread_rwlock_clockwrlock, real_pthread_rwlock_unlock, real_pthread_spin_lock,
              real_pthread_spin_trylock, real_pthread_spin_unlock, real_mtx_lock, real_mtx_trylock, real_mtx_timedlock, real_mtx_unlock,
              real_flockfile, real_ftrylockfile, real_funlockfile);
}

} // namespace
} // namespace stillpoint::rt::preempt

using namespace stillpoint::rt::preempt;

// The C library's headers declare these with their own attributes; what matters here is the name and the calling convention.
extern "C" {

STILLPOINT_API int pthread_mutex_lock(pthread_mutex_t *m) noexcept { return count_if_taken(real_pthread_mutex_lock(m)); }
STILLPOINT_API int pthread_mutex_trylock(pthread_mutex_t *m) noexcept { return count_if_taken(real_pthread_mutex_trylock(m)); }
STILLPOINT_API int pthread_mutex_timedlock(pthread_mutex_t *m, const timespec *until) noexcept {
  return count_if_taken(real_pthread_mutex_timedlock(m, until));
}
STILLPOINT_API int pthread_mutex_clocklock(pthread_mutex_t *m, clockid_t clock, const timespec *until) noexcept {
  return count_if_taken(real_pthread_mutex_clocklock(m, clock, until));
}
int stillpoint_mutex_unlock(pthread_mutex_t *m) {
  const int result = real_pthread_mutex_unlock(m);
  if (result == 0 && count_given_back()) [[clang::musttail]]
    return stop_given_back(m);
  return result;
}

STILLPOINT_API int pthread_rwlock_rdlock(pthread_rwlock_t *l) noexcept { return count_if_taken(real_pthread_rwlock_rdlock(l)); }
STILLPOINT_API int pthread_rwlock_wrlock(pthread_rwlock_t *l) noexcept { return count_if_taken(real_pthread_rwlock_wrlock(l)); }
STILLPOINT_API int pthread_rwlock_tryrdlock(pthread_rwlock_t *l) noexcept { return count_if_taken(real_pthread_rwlock_tryrdlock(l)); }
STILLPOINT_API int pthread_rwlock_trywrlock(pthread_rwlock_t *l) noexcept { return count_if_taken(real_pthread_rwlock_trywrlock(l)); }
STILLPOINT_API int pthread_rwlock_timedrdlock(pthread_rwlock_t *l, const timespec *until) noexcept {
  return count_if_taken(real_pthread_rwlock_timedrdlock(l, until));
}
STILLPOINT_API int pthread_rwlock_timedwrlock(pthread_rwlock_t *l, const timespec *until) noexcept {
  return count_if_taken(real_pthread_rwlock_timedwrlock(l, until));
}
STILLPOINT_API int pthread_rwlock_clockrdlock(pthread_rwlock_t *l, clockid_t clock, const timespec *until) noexcept {
  return count_if_taken(real_pthread_rwlock_clockrdlock(l, clock, until));
}
STILLPOINT_API int pthread_rwlock_clockwrlock(pthread_rwlock_t *l, clockid_t clock, const timespec *until) noexcept {
  return count_if_taken(real_pthread_rwlock_clockwrlock(l, clock, until));
}
int stillpoint_rwlock_unlock(pthread_rwlock_t *l) {
  const int result = real_pthread_rwlock_unlock(l);
  if (result == 0 && count_given_back()) [[clang::musttail]]
    return stop_given_back(l);
  return result;
}

STILLPOINT_API int pthread_spin_lock(pthread_spinlock_t *l) noexcept { return count_if_taken(real_pthread_spin_lock(l)); }
STILLPOINT_API int pthread_spin_trylock(pthread_spinlock_t *l) noexcept { return count_if_taken(real_pthread_spin_trylock(l)); }
int stillpoint_spin_unlock(pthread_spinlock_t *l) {
  const int result = real_pthread_spin_unlock(l);
  if (result == 0 && count_given_back()) [[clang::musttail]]
    return stop_given_back(l);
  return result;
}

// thrd_success is 0.
STILLPOINT_API int mtx_lock(mtx_t *m) { return count_if_taken(real_mtx_lock(m)); }
STILLPOINT_API int mtx_trylock(mtx_t *m) { return count_if_taken(real_mtx_trylock(m)); }
STILLPOINT_API int mtx_timedlock(mtx_t *m, const timespec *until) { return count_if_taken(real_mtx_timedlock(m, until)); }
STILLPOINT_API int mtx_unlock(mtx_t *m) {
  const int result = real_mtx_unlock(m);
  if (result == 0 && count_given_back()) [[clang::musttail]]
    return stop_given_back(m);
  return result;
}

STILLPOINT_API void flockfile(FILE *f) noexcept {
  real_flockfile(f);
  count_taken();
}
STILLPOINT_API int ftrylockfile(FILE *f) noexcept { return count_if_taken(real_ftrylockfile(f)); }
void stillpoint_funlockfile(FILE *f) {
  real_funlockfile(f);
  if (count_given_back()) [[clang::musttail]]
    return stop_given_back_file(f);
}
}
