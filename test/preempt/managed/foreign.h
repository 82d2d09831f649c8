// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Foreign functions (foreign.cpp is compiled without the plugin) and managed kernels that call them: one for each way in which a function returns or
// does not.
#ifndef STILLPOINT_TEST_PREEMPT_FOREIGN_H
#define STILLPOINT_TEST_PREEMPT_FOREIGN_H

#include "test/preempt/managed/kernels.h"

#include <complex>
#include <csetjmp>
#include <cstddef>
#include <cstdint>
#include <immintrin.h>

namespace stillpoint::test {

struct two_vectors {
  double a, b;
};
struct mixed {
  std::uint64_t a;
  double b;
};
struct two_words {
  std::uint64_t a, b;
};
struct in_memory {
  std::uint64_t words[9];
};

extern "C" {
int foreign_int(std::uint64_t seed);
unsigned __int128 foreign_wide(std::uint64_t seed);
double foreign_double(std::uint64_t seed);
two_vectors foreign_two_vectors(std::uint64_t seed);
mixed foreign_mixed(std::uint64_t seed);
two_words foreign_two_words(std::uint64_t seed);
in_memory foreign_in_memory(std::uint64_t seed);
long double foreign_x87(std::uint64_t seed);
_Complex long double foreign_two_x87(std::uint64_t seed);
[[gnu::target("avx2")]] __m256i foreign_avx(std::uint64_t seed);
[[gnu::target("avx512f")]] __m512i foreign_avx512(std::uint64_t seed);
int foreign_errno(std::uint64_t seed);
std::uint64_t foreign_realigned(std::uint64_t seed, std::size_t dynamic); // a frame that is found by another register than RSP
// Calls f(argument) with a destructor in its frame; exceptions pass.
std::uint64_t foreign_calls(std::uint64_t (*f)(std::uint64_t), std::uint64_t argument, unsigned *destroyed);
[[noreturn]] void foreign_throws(std::uint64_t value, unsigned *destroyed);
std::uint64_t foreign_catches(std::uint64_t (*f)(std::uint64_t), std::uint64_t argument);
[[noreturn]] void foreign_jumps(std::jmp_buf place, int value);
// Whether a backtrace from here passes through this function.
bool foreign_sees(const void *function, std::uint64_t seed);
}

namespace kernels_foreign {
std::span<const kernel> all();
}

} // namespace stillpoint::test

#endif
