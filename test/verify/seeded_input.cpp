// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the collector's programs have none of, for seeded_test.cpp, compiled with liveness=full: prefixed instructions, thread-local
// addresses that live over several points, flags and vector registers that do.
#include <cerrno>
#include <cstddef>

extern "C" void elsewhere();

[[gnu::noinline]] long count_atomically(long *into, const long *from, std::size_t n) {
  for (std::size_t i = 0; i != n; ++i)
    __atomic_fetch_add(into, from[i], __ATOMIC_SEQ_CST);
  return __atomic_sub_fetch(into, 1, __ATOMIC_SEQ_CST);
}

[[gnu::noinline]] int count_errors(int (*step)(int), int n) {
  int errors = 0;
  volatile int *const last = &errno;
  for (int i = 0; i != n; ++i) {
    *last = 0;
    errors += *last + (i % 3 == 0 ? *last : 1);
    errors ^= *last << (i & 7);
  }
  return step(errors);
}

[[gnu::noinline]] double mean(const double *of, std::size_t n) {
  double sum = 0, squares = 0;
  for (std::size_t i = 0; i != n; ++i) {
    sum += of[i];
    squares += of[i] * of[i];
  }
  return n == 0 ? 0 : sum / static_cast<double>(n) + squares;
}

[[gnu::noinline]] unsigned long long add_long(unsigned long long *into, const unsigned long long *from) {
  unsigned __int128 low = static_cast<unsigned __int128>(into[0]) << 64 | into[1];
  low += static_cast<unsigned __int128>(from[0]) << 64 | from[1];
  into[0] = static_cast<unsigned long long>(low >> 64);
  into[1] = static_cast<unsigned long long>(low);
  elsewhere();
  return into[0] > from[0] ? into[1] : from[1];
}
