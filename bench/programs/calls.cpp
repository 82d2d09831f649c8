// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Calls of the kernel, and tasks that are locked to threads: the same work as go/calls/main.go. What each figure is stands in docs/benchmarks.md.
//
// Usage: calls share|fast|locked MILLISECONDS|COUNT. Prints a line for each figure: its name, and a share or nanoseconds.
#include "clock.h"

#include <stillpoint/recv_thread.hpp>
#include <stillpoint/stillpoint.hpp>
#include <stillpoint/syscall.hpp>
#include <stillpoint/thread.hpp>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <sys/syscall.h>
#include <thread>
#include <unistd.h>

namespace {

using stillpoint::chan;
using stillpoint::go;
using stillpoint::wait_group;

// Steps of a computation in so long.
double steps_in(long milliseconds) {
  const std::uint64_t end = bench::now() + static_cast<std::uint64_t>(milliseconds) * 1'000'000;
  double steps = 0;
  std::uint64_t x = 1;
  for (; bench::now() < end; ++steps)
    for (int i = 0; i < 1000; ++i) {
      x = x * 6364136223846793005u + 1;
      asm volatile("" : "+r"(x));
    }
  return steps;
}

// Steps while another task is in read() nearly all the time.
double steps_beside(long milliseconds, bool announced) {
  int ends[2];
  if (pipe(ends) != 0)
    std::abort();
  std::atomic<bool> stop = false;
  wait_group ended;
  std::thread feeder([&] {
    while (!stop) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
      static_cast<void>(!::write(ends[1], "x", 1));
    }
    ::close(ends[1]);
  });
  ended.add();
  go([&] {
    char c = 0;
    while ((announced ? stillpoint::os::read(ends[0], &c, 1) : ::read(ends[0], &c, 1)) == 1)
      ;
    ended.done();
  });
  stillpoint::yield();
  const double beside = steps_in(milliseconds);
  stop = true;
  ended.wait();
  feeder.join();
  ::close(ends[0]);
  return beside;
}

// In turns, because the machine may be busy.
double share(long milliseconds, bool announced) {
  constexpr int rounds = 5;
  double alone = 0, beside = 0;
  for (int i = 0; i < rounds; ++i) {
    alone += steps_in(milliseconds / rounds);
    beside += steps_beside(milliseconds / rounds, announced);
  }
  return beside / alone;
}

template <class F>
double nanoseconds_each(long count, F f) {
  const std::uint64_t start = bench::now();
  for (long i = 0; i < count; ++i)
    f();
  return static_cast<double>(bench::now() - start) / static_cast<double>(count);
}

// A server that answers over a channel, on a thread of its own if `locked`; the caller on that thread too if `shared`.
double calls(long count, bool locked, bool shared) {
  chan<int> there = stillpoint::make_chan<int>(), back = stillpoint::make_chan<int>();
  wait_group ready;
  ready.add();
  go([&] {
    if (locked)
      stillpoint::lock_os_thread();
    ready.done();
    for (const int v : there)
      back.send(v + 1);
    back.close();
  });
  ready.wait();
  if (shared)
    stillpoint::lock_to_recv_os_thread(there);
  const double each = nanoseconds_each(count, [&] {
    there.send(1);
    if (back.receive() != 2)
      std::abort();
  });
  there.close();
  static_cast<void>(back.receive());
  if (shared)
    stillpoint::unlock_os_thread();
  return each;
}

void print(const char *name, double value) { std::printf("%s %.4f\n", name, value); }

} // namespace

int main(int argc, char **argv) {
  if (argc != 3)
    return 2;
  const char *const what = argv[1];
  const long count = std::atol(argv[2]);
  stillpoint::run([&] {
    if (std::strcmp(what, "share") == 0) {
      print("announced", share(count, true));
      print("silent", share(count, false));
    } else if (std::strcmp(what, "fast") == 0) {
      print("raw", nanoseconds_each(count, [] { ::syscall(SYS_getpid); }));
      print("fast", nanoseconds_each(count, [] { stillpoint::syscall([] { return ::syscall(SYS_getpid); }); }));
    } else {
      print("unlocked", calls(count, false, false));
      print("server", calls(count, true, false));
      print("shared", calls(count, true, true));
    }
  });
}
