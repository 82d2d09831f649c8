// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See foreign.h. Compiled without the plugin.
#include "test/preempt/managed/foreign.h"

#include <cerrno>
#include <execinfo.h>
#include <unwind.h>

namespace stillpoint::test {
namespace {

// Some instructions and some registers.
[[gnu::noinline]] std::uint64_t mix(std::uint64_t seed) {
  for (int i = 0; i < 3; ++i)
    seed = seed * 6364136223846793005 + (seed >> 33);
  return seed;
}

struct counted {
  unsigned *destroyed;
  ~counted() { ++*destroyed; }
};

} // namespace

extern "C" {
int foreign_int(std::uint64_t seed) { return static_cast<int>(mix(seed)); }
unsigned __int128 foreign_wide(std::uint64_t seed) { return static_cast<unsigned __int128>(mix(seed)) << 64 | mix(seed + 1); }
double foreign_double(std::uint64_t seed) { return 1.0 / static_cast<double>(mix(seed)); }
two_vectors foreign_two_vectors(std::uint64_t seed) { return {foreign_double(seed), foreign_double(seed + 1)}; }
mixed foreign_mixed(std::uint64_t seed) { return {mix(seed), foreign_double(seed)}; }
two_words foreign_two_words(std::uint64_t seed) { return {mix(seed), mix(seed + 1)}; }
in_memory foreign_in_memory(std::uint64_t seed) {
  in_memory m;
  for (std::uint64_t &word : m.words)
    word = seed = mix(seed);
  return m;
}
long double foreign_x87(std::uint64_t seed) { return 1.0L / static_cast<long double>(mix(seed)); }
_Complex long double foreign_two_x87(std::uint64_t seed) { return __builtin_complex(foreign_x87(seed), foreign_x87(seed + 1)); }
[[gnu::target("avx2")]] __m256i foreign_avx(std::uint64_t seed) {
  return _mm256_set_epi64x(static_cast<long long>(mix(seed)), static_cast<long long>(mix(seed + 1)), 3, static_cast<long long>(seed));
}
[[gnu::target("avx512f")]] __m512i foreign_avx512(std::uint64_t seed) {
  return _mm512_set_epi64(static_cast<long long>(mix(seed)), static_cast<long long>(mix(seed + 1)), 3, 4, 5, 6, 7,
                          static_cast<long long>(seed));
}
int foreign_errno(std::uint64_t seed) {
  errno = static_cast<int>(mix(seed) % 1000 + 1);
  return -1;
}
std::uint64_t foreign_realigned(std::uint64_t seed, std::size_t dynamic) {
  alignas(64) volatile std::uint64_t aligned[8] = {seed};
  auto *const area = static_cast<volatile std::uint64_t *>(__builtin_alloca(dynamic));
  area[0] = mix(seed);
  return aligned[0] + area[0];
}
std::uint64_t foreign_calls(std::uint64_t (*f)(std::uint64_t), std::uint64_t argument, unsigned *destroyed) {
  const counted here{destroyed};
  return f(mix(argument)) + 1;
}
void foreign_throws(std::uint64_t value, unsigned *destroyed) {
  const counted here{destroyed};
  throw mix(value);
}
std::uint64_t foreign_catches(std::uint64_t (*f)(std::uint64_t), std::uint64_t argument) {
  try {
    return f(argument);
  } catch (const std::uint64_t &value) {
    return mix(value);
  }
}
void foreign_jumps(std::jmp_buf place, int value) { longjmp(place, static_cast<int>(mix(static_cast<std::uint64_t>(value)) % 1000 + 1)); }
bool foreign_sees(const void *function, std::uint64_t seed) {
  void *frames[64];
  const int count = backtrace(frames, 64);
  bool seen = mix(seed) == 0;
  for (int i = 0; i < count; ++i)
    seen |= _Unwind_FindEnclosingFunction(frames[i]) == function;
  return seen;
}
}

} // namespace stillpoint::test
