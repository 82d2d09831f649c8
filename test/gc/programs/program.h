// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the classic programs share. Each computes something whose right result is known by other means, prints one line and ends with status 0;
// a wrong result ends it at once. They are run under gcstress, where a missed root shows as a wrong result or a crash.
//
// The first argument scales the work; 1 (the default) is small enough for a collection at every allocation.
#ifndef STILLPOINT_TEST_GC_PROGRAM_H
#define STILLPOINT_TEST_GC_PROGRAM_H

#include <stillpoint/gc.hpp>
#include <stillpoint/stillpoint.hpp>

#include <cstdint>
#include <cstdio>
#include <cstdlib>

namespace gc = stillpoint::gc;

#define CHECK(condition)                                                                                                                   \
  ((condition) ? void() : (std::fprintf(stderr, "%s:%d: wrong result: %s\n", __FILE__, __LINE__, #condition), std::exit(1)))

// A generator whose sequence is the same everywhere.
class random_numbers {
public:
  explicit random_numbers(std::uint64_t seed) : state_(seed) {}
  std::uint64_t operator()() {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return state_;
  }
  std::uint64_t below(std::uint64_t n) { return (*this)() % n; }

private:
  std::uint64_t state_;
};

// Runs `body(scale)` as the main task, beside a task that spins, so that there is always somebody to be preempted for; without that one if there is a second
// argument.
template <class Body>
int run_program(const char *name, int argc, char **argv, Body body) {
  const unsigned scale = argc > 1 ? static_cast<unsigned>(std::strtoul(argv[1], nullptr, 10)) : 1;
  stillpoint::run([&] {
    if (argc <= 2)
      stillpoint::go([] {
        for (volatile std::uint64_t turns = 0;; turns = turns + 1)
          ;
      });
    body(scale);
  });
  std::printf("%s: right\n", name);
  return 0;
}

#endif
