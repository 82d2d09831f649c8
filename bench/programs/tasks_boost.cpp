// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Of tasks.cpp what Boost.Fiber has too, on one thread; and the bare switch of Boost.Context under it.
//
// Usage: tasks_boost ROUNDS. Prints a line for each figure: its name and nanoseconds.
#include "clock.h"

#include <boost/context/fiber.hpp>
#include <boost/fiber/all.hpp>

#include <cstdio>
#include <cstdlib>

namespace {

namespace fibers = boost::fibers;

template <class F>
double nanoseconds_each(long count, F f) {
  const std::uint64_t start = bench::now();
  f();
  return static_cast<double>(bench::now() - start) / static_cast<double>(count);
}

double yields(long count) {
  return nanoseconds_each(2 * count, [&] {
    const auto work = [&] {
      for (long i = 0; i < count; ++i)
        boost::this_fiber::yield();
    };
    fibers::fiber one(work), two(work);
    one.join();
    two.join();
  });
}

double spawns(long count) {
  return nanoseconds_each(count, [&] {
    for (long i = 0; i < count; ++i)
      fibers::fiber([] {}).join();
  });
}

double ping_pong(long count) {
  fibers::unbuffered_channel<long> there, back;
  return nanoseconds_each(2 * count, [&] {
    fibers::fiber other([&] {
      for (const long v : there)
        back.push(v + 1);
    });
    for (long i = 0; i < count; ++i) {
      there.push(i);
      if (back.value_pop() != i + 1)
        std::abort();
    }
    there.close();
    other.join();
  });
}

double buffered(long count) {
  fibers::buffered_channel<long> c(128);
  long sum = 0;
  const double each = nanoseconds_each(count, [&] {
    fibers::fiber other([&] {
      for (long i = 0; i < count; ++i)
        c.push(i);
      c.close();
    });
    for (const long v : c)
      sum += v;
    other.join();
  });
  if (sum != count * (count - 1) / 2)
    std::abort();
  return each;
}

double switches(long count) {
  boost::context::fiber other([](boost::context::fiber &&back) {
    for (;;)
      back = std::move(back).resume();
    return std::move(back);
  });
  return nanoseconds_each(2 * count, [&] {
    for (long i = 0; i < count; ++i)
      other = std::move(other).resume();
  });
}

void print(const char *name, double value) { std::printf("%s %.1f\n", name, value); }

} // namespace

int main(int argc, char **argv) {
  const long rounds = argc == 2 ? std::atol(argv[1]) : 0;
  if (rounds < 1) {
    std::fprintf(stderr, "usage: %s ROUNDS\n", argv[0]);
    return 2;
  }
  print("switch", switches(rounds));
  print("yield", yields(rounds));
  print("spawn", spawns(rounds));
  print("pingpong", ping_pong(rounds));
  print("buffered", buffered(rounds));
}
