// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Exceptions: thrown deep, caught by type, rethrown, through destructors and cleanup code.
#include <cstdio>
#include <stdexcept>
#include <string>

static unsigned long alive = 0, unwound = 0;
struct guard {
  guard() { ++alive; }
  ~guard() {
    --alive;
    ++unwound;
  }
};

[[gnu::noinline]] static unsigned deep(unsigned n, unsigned x) {
  const guard here;
  if (n == 0) {
    if (x % 3 == 0)
      throw std::runtime_error(std::to_string(x));
    if (x % 3 == 1)
      throw static_cast<int>(x % 1000);
    return x;
  }
  return deep(n - 1, x * 31 + n) + 1;
}

[[gnu::noinline]] static unsigned attempt(unsigned n) try { return deep(n % 9, n); } catch (const std::runtime_error &e) {
  return static_cast<unsigned>(std::string(e.what()).size());
}

int main() {
  unsigned long sum = 0;
  for (unsigned i = 0; i != 6000; ++i)
    try {
      try {
        sum = sum * 7 + attempt(i);
      } catch (...) {
        ++sum;
        throw;
      }
    } catch (int e) {
      sum ^= static_cast<unsigned long>(e);
    }
  std::printf("exceptions %lu %lu %lu\n", sum, alive, unwound);
}
