// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See kernels.h. STILLPOINT_TEST_VARIANT is the namespace that this compilation is for.
#include "test/preempt/managed/kernels.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <exception>
#include <immintrin.h>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

namespace stillpoint::test::STILLPOINT_TEST_VARIANT {
namespace {

std::uint64_t mix(std::uint64_t x) {
  x ^= x >> 30;
  x *= 0xbf58476d1ce4e5b9;
  x ^= x >> 27;
  x *= 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

template <class T>
std::uint64_t bits_of(const T &value) {
  std::uint64_t words[(sizeof(T) + 7) / 8] = {};
  std::memcpy(words, &value, sizeof(T) == sizeof(long double) ? 10 : sizeof(T));
  std::uint64_t sum = 0;
  for (const std::uint64_t w : words)
    sum = mix(sum ^ w);
  return sum;
}

// Carries, wide multiplications, divisions, rotations: results that travel in the flags.
std::uint64_t integers(std::uint64_t seed, unsigned rounds) {
  unsigned __int128 a = seed, b = mix(seed);
  std::uint64_t c = seed | 1;
  for (unsigned i = 0; i < rounds; ++i) {
    a = a * 0x9e3779b97f4a7c15 + b;
    b = (b << 7 | b >> 121) - a;
    c = __builtin_rotateleft64(c, static_cast<int>(a & 63)) + static_cast<std::uint64_t>(b % (c | 0x100000001));
    c += __builtin_add_overflow(c, static_cast<std::uint64_t>(a), &c) ? 3 : 0;
    c ^= static_cast<std::uint64_t>(__builtin_popcountll(static_cast<std::uint64_t>(b))) << (i & 31);
  }
  return mix(static_cast<std::uint64_t>(a) ^ static_cast<std::uint64_t>(a >> 64) ^ static_cast<std::uint64_t>(b >> 64) ^ c);
}

// Doubles and floats in SSE registers, divisions and roots, conversions.
std::uint64_t floating(std::uint64_t seed, unsigned rounds) {
  double x[16];
  float y[16];
  for (unsigned i = 0; i < 16; ++i) {
    x[i] = static_cast<double>(mix(seed + i) >> 11) * 0x1p-53;
    y[i] = static_cast<float>(x[i]);
  }
  for (unsigned round = 0; round < rounds; ++round)
    for (unsigned i = 0; i < 16; ++i) {
      x[i] = std::sqrt(x[i] * x[(i + 5) & 15] + 0.5) / (1.0 + x[(i + 3) & 15]);
      y[i] = y[i] * 0.75f + static_cast<float>(x[i]) - static_cast<float>(static_cast<int>(y[(i + 1) & 15] * 16.0f)) * 0.03125f;
    }
  std::uint64_t sum = 0;
  for (unsigned i = 0; i < 16; ++i)
    sum = mix(sum ^ bits_of(x[i]) ^ bits_of(y[i]));
  return sum;
}

// The x87 stack, and its rounding to 64 bits.
std::uint64_t long_doubles(std::uint64_t seed, unsigned rounds) {
  long double a = static_cast<long double>(seed) + 0.1L, b = 1.0L / 3, c = 0.7L, d = 0;
  for (unsigned i = 0; i < rounds; ++i) {
    a = a * b + c;
    b = (a > 1e9L ? a / 1e9L : a) * 1.0000001L - d;
    c = c * c * 0.5L + 0.25L / (1.0L + b * b);
    d = (d + a * c) / (3.0L + c);
    if (!(a < 1e30L))
      a = 1.5L;
  }
  return mix(bits_of(a) ^ mix(bits_of(b)) ^ mix(mix(bits_of(c)) ^ bits_of(d)));
}

[[gnu::target("avx2")]] std::uint64_t avx2(std::uint64_t seed, unsigned rounds) {
  __m256i v[6];
  for (unsigned i = 0; i < 6; ++i)
    v[i] = _mm256_set1_epi64x(static_cast<long long>(mix(seed + i)));
  for (unsigned i = 0; i < rounds; ++i) {
    v[0] = _mm256_add_epi32(v[0], _mm256_permutevar8x32_epi32(v[1], v[5]));
    v[1] = _mm256_xor_si256(_mm256_slli_epi64(v[1], 13), _mm256_sub_epi32(v[2], v[0]));
    v[2] = _mm256_mul_epu32(v[2], _mm256_or_si256(v[3], v[4]));
    v[3] = _mm256_blendv_epi8(v[3], v[0], v[1]);
    v[4] = _mm256_alignr_epi8(v[4], v[2], 5);
    v[5] = _mm256_add_epi64(v[5], _mm256_srli_epi64(v[3], 7));
  }
  std::uint64_t sum = 0;
  for (const __m256i &w : v)
    sum = mix(sum ^ bits_of(w));
  return sum;
}

// Thirty-two wide registers and the mask registers.
[[gnu::target("avx512f,avx512bw,avx512dq,avx512vl")]] std::uint64_t avx512(std::uint64_t seed, unsigned rounds) {
  __m512i v[20];
  for (unsigned i = 0; i < 20; ++i)
    v[i] = _mm512_add_epi64(_mm512_set1_epi64(static_cast<long long>(mix(seed + i))), _mm512_set_epi64(7, 6, 5, 4, 3, 2, 1, 0));
  __mmask8 few = 0x5a;
  __mmask64 many = seed;
  for (unsigned i = 0; i < rounds; ++i) {
    for (unsigned j = 0; j < 20; ++j) {
      v[j] = _mm512_mask_add_epi64(v[j], few, v[j], v[(j + 7) % 20]);
      v[j] = _mm512_mask_sub_epi8(v[j], many, v[(j + 3) % 20], v[j]);
      v[j] = _mm512_ternarylogic_epi64(v[j], v[(j + 1) % 20], v[(j + 11) % 20], 0x96);
    }
    few = _mm512_cmpgt_epu64_mask(v[0], v[1]);
    many = _kxor_mask64(_mm512_movepi8_mask(v[2]), _kadd_mask64(many, _mm512_test_epi8_mask(v[3], v[4])));
  }
  std::uint64_t sum = many ^ few;
  for (const __m512i &w : v)
    sum = mix(sum ^ bits_of(w));
  return sum;
}

struct failure : std::runtime_error {
  failure(const std::string &what, std::uint64_t number) : std::runtime_error(what), number(number) {}
  std::uint64_t number;
};

struct counter {
  explicit counter(std::uint64_t &n) : count(n) {}
  ~counter() { ++count; }
  std::uint64_t &count;
};

[[gnu::noinline]] std::uint64_t may_throw(std::uint64_t x, unsigned depth, std::uint64_t &unwound) {
  const counter c(unwound);
  if (depth == 0) {
    if (x % 3 == 0)
      throw failure("three " + std::to_string(x), x);
    if (x % 3 == 1)
      throw x;
    return x;
  }
  return may_throw(x, depth - 1, unwound) + 1;
}

// Exceptions thrown through several frames, nested ones, and std::current_exception() in between.
std::uint64_t exceptions(std::uint64_t seed, unsigned rounds) {
  std::uint64_t sum = seed, unwound = 0;
  for (unsigned i = 0; i < rounds; ++i) {
    const std::uint64_t random = mix(seed + i) % 1000;
    const std::uint64_t x = i % 2 == 0 ? random * 3 : random; // the first kind of failure for certain
    try {
      sum += may_throw(x, i % 5, unwound);
    } catch (const failure &outer) {
      const std::exception_ptr first = std::current_exception();
      try {
        sum ^= may_throw(x + 1, 2, unwound);
      } catch (const std::uint64_t &inner) {
        sum = mix(sum + inner);
      }
      sum += first != nullptr && std::current_exception() == first ? 1 : 1000000;
      sum += outer.number == x && outer.what() == "three " + std::to_string(x) ? 1 : 2000000;
    } catch (const std::uint64_t &n) {
      sum = mix(sum ^ n);
    }
    sum += std::current_exception() == nullptr ? 0 : 3000000;
    sum += static_cast<std::uint64_t>(std::uncaught_exceptions());
  }
  return mix(sum ^ unwound);
}

thread_local void *my_thread = nullptr;
thread_local std::uint64_t visits[4] = {};

// A task may be on any thread, but what it computes from one thread-local address must be of one thread.
std::uint64_t thread_locals(std::uint64_t seed, unsigned rounds) {
  std::uint64_t sum = seed, strangers = 0;
  for (unsigned i = 0; i < rounds; ++i) {
    void *const thread = __builtin_thread_pointer();
    if (my_thread == nullptr)
      my_thread = thread;
    strangers += my_thread != thread;
    visits[i & 3] += sum;
    sum = mix(sum + i);
  }
  return strangers == 0 ? sum : strangers;
}

// Asks anew where errno is.
[[gnu::noinline]] int errno_here() {
  asm volatile("");
  return errno;
}

// errno is the task's, wherever it runs.
std::uint64_t error_numbers(std::uint64_t seed, unsigned rounds) {
  std::uint64_t sum = seed, wrong = 0;
  for (unsigned i = 0; i < rounds; ++i) {
    const int mine = static_cast<int>(mix(seed + i) & 0xffff);
    volatile int &number = errno; // its address is kept over the loop, so the loop is pinned
    number = mine;
    for (unsigned j = 0; j < 20; ++j)
      sum = mix(sum + j);
    wrong += number != mine || errno_here() != mine;
  }
  return wrong == 0 ? sum : wrong;
}

[[gnu::noinline]] std::uint64_t deep(std::uint64_t x, unsigned depth) {
  alignas(64) std::uint64_t local[8] = {x, x + 1, x + 2, x + 3, x + 4, x + 5, x + 6, x + 7};
  auto *const dynamic = static_cast<std::uint64_t *>(__builtin_alloca(8 * (depth + 1)));
  for (unsigned i = 0; i <= depth; ++i)
    dynamic[i] = mix(local[i & 7] + i);
  const std::uint64_t below = depth == 0 ? 0 : deep(dynamic[depth], depth - 1) + deep(local[depth & 7], depth / 2 == depth ? 0 : depth / 2);
  return mix(below ^ dynamic[depth / 2] ^ local[3]);
}

// Frames of every kind: realigned, with dynamic areas, deep, with all callee-saved registers.
std::uint64_t frames(std::uint64_t seed, unsigned rounds) {
  std::uint64_t sum = seed;
  for (unsigned i = 0; i < rounds; ++i)
    sum += deep(sum, i % 6);
  return sum;
}

// The library's containers: much foreign code, many calls.
std::uint64_t containers(std::uint64_t seed, unsigned rounds) {
  std::map<std::uint64_t, std::string> tree;
  std::vector<std::uint64_t> numbers;
  for (unsigned i = 0; i < rounds; ++i) {
    const std::uint64_t x = mix(seed + i);
    tree[x % 97] += static_cast<char>('a' + x % 26);
    numbers.push_back(x);
    if (i % 64 == 63)
      std::sort(numbers.begin(), numbers.end());
  }
  std::uint64_t sum = 0;
  for (const auto &[key, text] : tree)
    for (const char c : text)
      sum = mix(sum ^ key ^ static_cast<std::uint64_t>(c));
  for (const std::uint64_t n : numbers)
    sum = mix(sum ^ n);
  return sum;
}

bool always() { return true; }
bool has_avx2() { return __builtin_cpu_supports("avx2"); }
bool has_avx512() { return __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"); }

constexpr std::array<kernel, 10> table{{
    {"integers", integers, always},
    {"floating", floating, always},
    {"long_doubles", long_doubles, always},
    {"avx2", avx2, has_avx2},
    {"avx512", avx512, has_avx512},
    {"exceptions", exceptions, always},
    {"thread_locals", thread_locals, always},
    {"error_numbers", error_numbers, always},
    {"frames", frames, always},
    {"containers", containers, always},
}};

} // namespace

std::span<const kernel> all() { return table; }

} // namespace stillpoint::test::STILLPOINT_TEST_VARIANT
