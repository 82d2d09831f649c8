// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How many threads a program has, experiment by experiment, beside what is known of Go (whose runtime has the same model: tasks, workers, processors).
//
// Each experiment prints the threads that the kernel lists for this process: the one that called run(), the monitor, and the workers. Where
// a number is certain it is checked, and the exit status says whether all were right.
//
// It runs with one processor, whatever STILLPOINT_PROCS says: the numbers in the text are for that. And threads without work are kept
// for a tenth of a second, instead of ten.
#include <stillpoint/net.hpp>
#include <stillpoint/stillpoint.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <iterator>
#include <system_error>
#include <unistd.h>
#include <vector>

using namespace std::chrono_literals;

namespace {

bool all_right = true;
std::atomic<bool> stop{false};

std::size_t threads() {
  const std::filesystem::directory_iterator list("/proc/self/task");
  return static_cast<std::size_t>(std::distance(begin(list), end(list)));
}

void report(const char *experiment, std::size_t count, bool right, const char *why) {
  std::printf("%-34s %2zu threads%s. %s\n", experiment, count, right ? "" : " (WRONG)", why);
  all_right &= right;
}

// Waits until `condition` holds; false after 20 seconds.
template <class F>
bool eventually(F condition) {
  const auto limit = std::chrono::steady_clock::now() + 20s;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > limit)
      return false;
    stillpoint::sleep_for(1ms);
  }
  return true;
}

template <class F>
void in_tasks(int count, F f) {
  stillpoint::wait_group group;
  group.add(count);
  for (int i = 0; i < count; ++i)
    stillpoint::go([&] {
      f();
      group.done();
    });
  group.wait();
}

void hello() {
  report("hello world", threads(), threads() == 3,
         "The caller of run(), the monitor, one worker: Go has its main thread, sysmon and one more, 3");
}

void fast_calls() {
  const std::size_t before = threads();
  in_tasks(6, [] { stillpoint::syscall([] { return getpid(); }); });
  report("6 fast announced calls", threads(), threads() <= before + 1, "Under 20 us nobody takes the processor away: Go, 3");
}

void raw_slow_calls() {
  std::atomic<int> inside{0};
  in_tasks(6, [&] {
    ++inside;
    usleep(5'000);
  });
  report("6 slow calls, not announced", threads(), inside == 6, "Go's RawSyscall holds the processor, so one after the other, 3.");
}

void slow_calls() {
  std::atomic<int> inside{0};
  std::atomic<bool> leave{false};
  stillpoint::wait_group group;
  group.add(6);
  for (int i = 0; i < 6; ++i)
    stillpoint::go([&] {
      stillpoint::syscall([&] {
        ++inside;
        while (!leave)
          usleep(1'000);
      });
      group.done();
    });
  const bool together = eventually([&] { return inside == 6; });
  report("6 slow announced calls", threads(), together && threads() >= 9,
         "Each blocked thread gave its processor to another: 6 and the first 3. Go, 8 for calls of 68 us");
  leave = true;
  group.wait();
}

void foreign_loops() {
  std::atomic<int> inside{0};
  std::atomic<bool> leave{false};
  stillpoint::wait_group group;
  group.add(5);
  for (int i = 0; i < 5; ++i)
    stillpoint::go([&] {
      stillpoint::foreign([&] {
        ++inside;
        while (!leave)
          ;
      });
      group.done();
    });
  const bool together = eventually([&] { return inside == 5; });
  report("5 spinning foreign calls", threads(), together,
         "All 5 run, and main: more than there are processors. Go with cgo, 8 threads and 6 CPUs busy");
  leave = true;
  group.wait();
}

// Reads until the connection ends, which here is all that happens on it.
void wait_for_the_end(stillpoint::net::tcp_stream &connection) {
  std::array<char, 16> buffer;
  std::error_code ec;
  while (connection.read(buffer, ec) != 0)
    ;
}

void idle_connections() {
  namespace net = stillpoint::net;
  constexpr int count = 400; // both ends are here: 800 descriptors
  const std::size_t before = threads();
  auto listener = net::tcp_listener::listen(net::address::loopback_ipv4(0));
  std::vector<net::tcp_stream> clients(count);
  stillpoint::wait_group waiting;
  waiting.add(2 * count);
  for (net::tcp_stream &client : clients) {
    client = net::tcp_stream::connect(listener.local_address());
    stillpoint::go([&waiting, &client] {
      wait_for_the_end(client);
      waiting.done();
    });
    stillpoint::go([&waiting, served = listener.accept()]() mutable {
      wait_for_the_end(served);
      waiting.done();
    });
  }
  const bool all = eventually([] { return stillpoint::read_scheduler_metrics().tasks_waiting >= 2 * count; });
  report("800 tasks waiting for sockets", threads(), all && threads() <= before + 2,
         "A read that would block parks the task, and epoll wakes it: no thread for any of them. Go's netpoller does the same, no more "
         "threads");
  for (net::tcp_stream &client : clients)
    client.close();
  waiting.wait();
}

void locked_loops() {
  std::atomic<int> begun{0};
  stillpoint::wait_group group;
  group.add(5);
  for (int i = 0; i < 5; ++i)
    stillpoint::go([&] {
      stillpoint::lock_os_thread();
      ++begun;
      while (!stop.load(std::memory_order_relaxed))
        ;
      stillpoint::unlock_os_thread();
      group.done();
    });
  const bool all = eventually([&] { return begun == 5; });
  const stillpoint::scheduler_metrics m = stillpoint::read_scheduler_metrics();
  report("5 spinning locked tasks", threads(), all && m.tasks_running <= m.processors && threads() >= 8,
         "A thread for each, but they take turns: never more at a time than there are processors. Go, 8");
  stop = true;
  group.wait();
}

void idle_threads() {
  const bool gone = eventually([] { return threads() <= 4; });
  report("idle for a while", threads(), gone,
         "Threads without work end after STILLPOINT_IDLE, here 100 ms, but for one or two. Go keeps them all");
}

void program() {
  hello();
  fast_calls();
  raw_slow_calls();
  idle_connections();
  locked_loops();
  slow_calls();
  foreign_loops();
  idle_threads();
}

} // namespace

int main() {
  setenv("STILLPOINT_PROCS", "1", 1);
  setenv("STILLPOINT_IDLE", "100ms", 1);
  stillpoint::run(program);
  std::puts(all_right ? "all as expected" : "NOT as expected");
  return all_right ? 0 : 1;
}
