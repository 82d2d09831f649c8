// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See foreign.h. Managed.
#include "test/preempt/managed/foreign.h"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <map>
#include <string>

namespace stillpoint::test::kernels_foreign {
namespace {

bool always() { return true; }
bool has_avx2() { return __builtin_cpu_supports("avx2"); }
bool has_avx512() { return __builtin_cpu_supports("avx512f"); }

std::uint64_t fold(std::uint64_t sum, std::uint64_t value) { return (sum ^ value) * 0x9e3779b97f4a7c15; }
std::uint64_t bits(double value) { return std::bit_cast<std::uint64_t>(value); }

template <class Round>
[[gnu::always_inline]] inline std::uint64_t repeat(std::uint64_t seed, unsigned rounds, Round round) {
  std::uint64_t sum = seed;
  for (unsigned i = 0; i < rounds; ++i)
    sum = fold(sum, round(sum));
  return sum;
}

std::uint64_t returns_int(std::uint64_t seed, unsigned rounds) {
  return repeat(seed, rounds, [](std::uint64_t s) { return static_cast<std::uint64_t>(foreign_int(s)); });
}
std::uint64_t returns_wide(std::uint64_t seed, unsigned rounds) {
  return repeat(seed, rounds, [](std::uint64_t s) {
    const unsigned __int128 wide = foreign_wide(s);
    return fold(static_cast<std::uint64_t>(wide >> 64), static_cast<std::uint64_t>(wide));
  });
}
std::uint64_t returns_double(std::uint64_t seed, unsigned rounds) {
  return repeat(seed, rounds, [](std::uint64_t s) { return bits(foreign_double(s)); });
}
std::uint64_t returns_structs(std::uint64_t seed, unsigned rounds) {
  return repeat(seed, rounds, [](std::uint64_t s) {
    const two_vectors v = foreign_two_vectors(s);
    const mixed m = foreign_mixed(s);
    const two_words w = foreign_two_words(s);
    const in_memory i = foreign_in_memory(s);
    return fold(fold(bits(v.a), bits(v.b)), fold(m.a, bits(m.b))) + fold(w.a, w.b) + i.words[8];
  });
}
std::uint64_t returns_x87(std::uint64_t seed, unsigned rounds) {
  return repeat(seed, rounds, [](std::uint64_t s) {
    const long double one = foreign_x87(s);
    const _Complex long double two = foreign_two_x87(s);
    std::uint64_t words[2] = {};
    const long double all = one + __real__ two * 3 + __imag__ two * 7;
    std::memcpy(words, &all, 10);
    return fold(words[0], words[1]);
  });
}
[[gnu::target("avx2")]] std::uint64_t returns_avx(std::uint64_t seed, unsigned rounds) {
  std::uint64_t sum = seed;
  for (unsigned i = 0; i < rounds; ++i) {
    std::uint64_t words[4];
    const __m256i v = foreign_avx(sum);
    std::memcpy(words, &v, sizeof words);
    for (const std::uint64_t word : words)
      sum = fold(sum, word);
  }
  return sum;
}
[[gnu::target("avx512f")]] std::uint64_t returns_avx512(std::uint64_t seed, unsigned rounds) {
  std::uint64_t sum = seed;
  for (unsigned i = 0; i < rounds; ++i) {
    std::uint64_t words[8];
    const __m512i v = foreign_avx512(sum);
    std::memcpy(words, &v, sizeof words);
    for (const std::uint64_t word : words)
      sum = fold(sum, word);
  }
  return sum;
}
std::uint64_t sets_errno(std::uint64_t seed, unsigned rounds) {
  return repeat(seed, rounds, [](std::uint64_t s) {
    errno = 0;
    return static_cast<std::uint64_t>(foreign_errno(s) + errno);
  });
}
std::uint64_t odd_frames(std::uint64_t seed, unsigned rounds) {
  return repeat(seed, rounds, [](std::uint64_t s) { return foreign_realigned(s, 64 + s % 512); });
}

std::uint64_t twice(std::uint64_t value) { return value * 2; }
std::uint64_t throws(std::uint64_t value) { throw value + 1; }
std::uint64_t calls_again(std::uint64_t value) {
  unsigned destroyed = 0;
  return foreign_calls(twice, value, &destroyed) + destroyed;
}

std::uint64_t callbacks(std::uint64_t seed, unsigned rounds) {
  return repeat(seed, rounds, [](std::uint64_t s) {
    unsigned destroyed = 0;
    return foreign_calls(calls_again, s, &destroyed) + destroyed;
  });
}
std::uint64_t thrown_by_foreign(std::uint64_t seed, unsigned rounds) {
  return repeat(seed, rounds, [](std::uint64_t s) -> std::uint64_t {
    unsigned destroyed = 0;
    try {
      foreign_throws(s, &destroyed);
    } catch (const std::uint64_t &value) {
      return value + destroyed;
    }
  });
}
std::uint64_t thrown_through_foreign(std::uint64_t seed, unsigned rounds) {
  return repeat(seed, rounds, [](std::uint64_t s) -> std::uint64_t {
    unsigned destroyed = 0;
    try {
      return foreign_calls(throws, s, &destroyed);
    } catch (const std::uint64_t &value) {
      return value + destroyed;
    }
  });
}
std::uint64_t caught_by_foreign(std::uint64_t seed, unsigned rounds) {
  return repeat(seed, rounds, [](std::uint64_t s) { return foreign_catches(throws, s); });
}
[[gnu::noinline]] std::uint64_t jump_away(std::jmp_buf place, std::uint64_t value) { foreign_jumps(place, static_cast<int>(value % 1000)); }
std::uint64_t jumped_over(std::uint64_t seed, unsigned rounds) {
  return repeat(seed, rounds, [](std::uint64_t s) {
    std::jmp_buf place;
    const int value = setjmp(place);
    return value != 0 ? static_cast<std::uint64_t>(value) : jump_away(place, s);
  });
}
std::uint64_t seen_in_backtraces(std::uint64_t seed, unsigned rounds) {
  std::uint64_t sum = seed;
  for (unsigned i = 0; i < rounds; ++i)
    sum = fold(sum, foreign_sees(reinterpret_cast<const void *>(seen_in_backtraces), sum));
  return sum;
}

// The C and C++ libraries, with all that their procedures do to the stack pointer.
std::uint64_t sorting(std::uint64_t seed, unsigned rounds) {
  return repeat(seed, rounds, [](std::uint64_t s) {
    std::uint64_t numbers[24];
    for (std::uint64_t &n : numbers)
      n = s = fold(s, 1);
    std::qsort(numbers, std::size(numbers), sizeof *numbers, [](const void *a, const void *b) {
      const std::uint64_t x = *static_cast<const std::uint64_t *>(a), y = *static_cast<const std::uint64_t *>(b);
      return x < y ? -1 : x > y;
    });
    return std::is_sorted(std::begin(numbers), std::end(numbers)) ? numbers[5] : 0;
  });
}
std::uint64_t copying(std::uint64_t seed, unsigned rounds) {
  static unsigned char from[5000], to[5000];
  return repeat(seed, rounds, [](std::uint64_t s) {
    volatile std::size_t size = s % 4000;
    from[size] = static_cast<unsigned char>(s);
    std::memcpy(to, from, size + 1);
    std::memset(from, static_cast<int>(s), size);
    std::memmove(to + 7, to, size / 2);
    return std::uint64_t{to[size]};
  });
}
std::uint64_t allocating(std::uint64_t seed, unsigned rounds) {
  return repeat(seed, rounds, [](std::uint64_t s) {
    void *blocks[6];
    for (void *&block : blocks)
      std::memset(block = std::malloc(s % 3000 + 1), 1, s % 100 % (s % 3000 + 1)), s = fold(s, 3);
    for (void *&block : blocks)
      block = std::realloc(block, s % 5000 + 1), s = fold(s, 5);
    for (void *block : blocks)
      std::free(block);
    return s;
  });
}
std::uint64_t printing(std::uint64_t seed, unsigned rounds) {
  return repeat(seed, rounds, [](std::uint64_t s) {
    char text[100];
    std::snprintf(text, sizeof text, "%llu %g %s", static_cast<unsigned long long>(s), static_cast<double>(s) / 3, "word");
    return std::strtoull(text, nullptr, 10) + bits(std::strtod(text, nullptr));
  });
}
std::uint64_t containers(std::uint64_t seed, unsigned rounds) {
  return repeat(seed, rounds, [](std::uint64_t s) {
    std::map<std::string, std::uint64_t> map;
    for (int i = 0; i < 5; ++i)
      map[std::to_string(s = fold(s, 7)) + " is a key"] = s;
    return map.begin()->second;
  });
}
std::uint64_t looking_up(std::uint64_t seed, unsigned rounds) {
  return repeat(seed, rounds, [](std::uint64_t) { return std::uint64_t{dlsym(RTLD_NEXT, "qsort") != nullptr}; });
}

constexpr kernel list[] = {{"int", returns_int, always},
                           {"wide", returns_wide, always},
                           {"double", returns_double, always},
                           {"structs", returns_structs, always},
                           {"x87", returns_x87, always},
                           {"avx", returns_avx, has_avx2},
                           {"avx512", returns_avx512, has_avx512},
                           {"errno", sets_errno, always},
                           {"odd_frames", odd_frames, always},
                           {"callbacks", callbacks, always},
                           {"thrown_by_foreign", thrown_by_foreign, always},
                           {"thrown_through_foreign", thrown_through_foreign, always},
                           {"caught_by_foreign", caught_by_foreign, always},
                           {"jumped_over", jumped_over, always},
                           {"backtraces", seen_in_backtraces, always},
                           {"sorting", sorting, always},
                           {"copying", copying, always},
                           {"allocating", allocating, always},
                           {"printing", printing, always},
                           {"containers", containers, always},
                           {"looking_up", looking_up, always}};

} // namespace

std::span<const kernel> all() { return list; }

} // namespace stillpoint::test::kernels_foreign
