// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Virtual functions, templates, lambdas, containers, strings, local statics, atomics.
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

struct shape {
  virtual ~shape() = default;
  virtual unsigned area(unsigned scale) const = 0;
};
struct square : shape {
  explicit square(unsigned s) : side(s) {}
  unsigned area(unsigned scale) const override { return side * side * scale; }
  unsigned side;
};
struct strip : shape {
  strip(unsigned a, unsigned b) : a(a), b(b) {}
  unsigned area(unsigned scale) const override { return a * b + scale; }
  unsigned a, b;
};
static std::atomic<unsigned> turns = 0;

static const std::vector<unsigned> &primes() {
  static const std::vector<unsigned> all = [] {
    std::vector<unsigned> found;
    for (unsigned n = 2; found.size() != 500; ++n)
      if (std::none_of(found.begin(), found.end(), [n](unsigned p) { return n % p == 0; }))
        found.push_back(n);
    return found;
  }();
  return all;
}

int main() {
  std::vector<std::unique_ptr<shape>> shapes;
  for (unsigned i = 0; i != 300; ++i)
    if (i % 2)
      shapes.push_back(std::make_unique<square>(i));
    else
      shapes.push_back(std::make_unique<strip>(i, i + 1));
  unsigned sum = 0;
  for (unsigned i = 0; i != 500; ++i)
    for (const auto &s : shapes) {
      sum += s->area(i);
      unsigned seen = turns.load();
      while (!turns.compare_exchange_weak(seen, seen + 1))
        ;
    }
  std::map<std::string, unsigned> counts;
  for (unsigned i = 0; i != 6000; ++i)
    ++counts[std::to_string(primes()[i % 500] * 7 % 301)];
  std::vector<unsigned> sorted(30000);
  std::generate(sorted.begin(), sorted.end(), [x = 1u]() mutable { return x = x * 1664525 + 1013904223; });
  std::function<bool(unsigned, unsigned)> before = [](unsigned a, unsigned b) {
    return a % 4096 < b % 4096 || (a % 4096 == b % 4096 && a < b);
  };
  std::sort(sorted.begin(), sorted.end(), before);
  std::printf("classes %u %zu %u %u %u\n", sum, counts.size(), counts["7"], sorted[12345], turns.load());
}
