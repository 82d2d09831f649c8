// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Tasks, channels and select: the same work as go/tasks/main.go, and as tasks_boost.cpp where that has it. What each figure is stands in
// docs/benchmarks.md.
//
// Usage: tasks ROUNDS PARKED. Prints a line for each figure: its name and nanoseconds, or bytes.
#include "clock.h"
#include "memory.h"

#include <stillpoint/stillpoint.hpp>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <utility>

namespace {

using stillpoint::chan;
using stillpoint::go;
using stillpoint::wait_group;

template <class F>
double nanoseconds_each(long count, F f) {
  const std::uint64_t start = bench::now();
  f();
  return static_cast<double>(bench::now() - start) / static_cast<double>(count);
}

// Two tasks that give way to each other: for each switch.
double yields(long count) {
  wait_group ended;
  ended.add(2);
  return nanoseconds_each(2 * count, [&] {
    for (int t = 0; t < 2; ++t)
      go([&] {
        for (long i = 0; i < count; ++i)
          stillpoint::yield();
        ended.done();
      });
    ended.wait();
  });
}

double spawns(long count) {
  return nanoseconds_each(count, [&] {
    for (long i = 0; i < count; ++i) {
      wait_group ended;
      ended.add();
      go([&] { ended.done(); });
      ended.wait();
    }
  });
}

double ping_pong(long count) {
  chan<long> there(0), back(0);
  return nanoseconds_each(2 * count, [&] {
    go([=] {
      for (const long v : there)
        back.send(v + 1);
    });
    for (long i = 0; i < count; ++i) {
      there.send(i);
      if (back.receive() != i + 1)
        std::abort();
    }
    there.close();
  });
}

double buffered(long count) {
  chan<long> c(128);
  long sum = 0;
  const double each = nanoseconds_each(count, [&] {
    go([=] {
      for (long i = 0; i < count; ++i)
        c.send(i);
      c.close();
    });
    for (const long v : c)
      sum += v;
  });
  if (sum != count * (count - 1) / 2)
    std::abort();
  return each;
}

// All cases are ready nearly all the time.
template <std::size_t... Case>
double ready_select(long count, std::index_sequence<Case...>) {
  constexpr long batch = 512;
  std::array<chan<long>, sizeof...(Case)> channels = {(static_cast<void>(Case), chan<long>(batch))...};
  double taken = 0;
  long received = 0;
  for (long done = 0; done < count; done += batch) {
    for (const chan<long> &c : channels)
      while (c.try_send(1))
        ;
    const std::uint64_t start = bench::now();
    for (long i = 0; i < batch; ++i)
      stillpoint::select(stillpoint::on_receive(channels[Case], [&received](std::optional<long> v) { received += *v; })...);
    taken += static_cast<double>(bench::now() - start);
  }
  return taken / static_cast<double>(received);
}

// Memory for each task that waits.
double parked(long count) {
  chan<int> gate(0);
  wait_group started, ended;
  started.add(count);
  ended.add(count);
  const double before = bench::resident_bytes();
  for (long i = 0; i < count; ++i)
    go({.stack_size = 16 << 10}, [&] {
      started.done();
      gate.receive();
      ended.done();
    });
  started.wait();
  const double each = (bench::resident_bytes() - before) / static_cast<double>(count);
  gate.close();
  ended.wait();
  return each;
}

void print(const char *name, double value) { std::printf("%s %.1f\n", name, value); }

} // namespace

int main(int argc, char **argv) {
  const long rounds = argc == 3 ? std::atol(argv[1]) : 0;
  const long tasks = argc == 3 ? std::atol(argv[2]) : 0;
  if (rounds < 1 || tasks < 1) {
    std::fprintf(stderr, "usage: %s ROUNDS PARKED\n", argv[0]);
    return 2;
  }
  stillpoint::run([&] {
    print("parked", parked(tasks)); // first: memory that tasks leave behind would not be counted
    print("yield", yields(rounds));
    print("spawn", spawns(rounds));
    print("pingpong", ping_pong(rounds));
    print("buffered", buffered(rounds));
    print("select2", ready_select(rounds, std::make_index_sequence<2>()));
    print("select8", ready_select(rounds, std::make_index_sequence<8>()));
  });
}
