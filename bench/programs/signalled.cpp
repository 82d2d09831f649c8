// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Serves the kernels with no runtime at all, on a thread that another one interrupts every 1 ms or 100 us by a signal whose handler does
// nothing, or does not (segments.h): what slices of that length must cost at least on this machine, however they are made. Both halves of
// the rounds follow each other, as in slice.cpp.
#include "segments.h"

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <thread>
#include <unistd.h>

namespace {

constexpr const char *names[] = {"off", "again", "1ms", "100us"};
constexpr long period_ns[] = {0, 0, 1'000'000, 100'000};
constexpr unsigned ways = std::size(names);
static_assert(ways == std::size(period_ns));

std::atomic<std::uint64_t> received{0};
std::atomic<long> period{0}; // 0: no signals
alignas(64) char signal_stack[65536];

void count_signal(int, siginfo_t *, void *) { received.fetch_add(1, std::memory_order_relaxed); }

// Sleeps by absolute times, as exactly as the kernel allows, like the runtime's monitor; and like that, until further notice when there is
// nothing to do.
void send_signals(pid_t thread) {
  prctl(PR_SET_TIMERSLACK, 1UL);
  const pid_t process = getpid();
  for (;;) {
    period.wait(0);
    timespec next;
    clock_gettime(CLOCK_MONOTONIC, &next);
    while (const long every = period.load(std::memory_order_relaxed)) {
      next.tv_nsec += every;
      if (next.tv_nsec >= 1'000'000'000) {
        next.tv_nsec -= 1'000'000'000;
        ++next.tv_sec;
      }
      clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, nullptr);
      ::syscall(SYS_tgkill, process, thread, SIGURG);
    }
  }
}

bench::segment run_segment(unsigned way, kernel_function *run, std::uint64_t rounds) {
  const std::uint64_t before = received, wall = bench::now(), thread = bench::thread_time();
  period = period_ns[way];
  if (period_ns[way] != 0)
    period.notify_one();
  const std::uint64_t first = run(rounds / 2), checksum = first + run(rounds - rounds / 2);
  period = 0;
  return {way, bench::now() - wall, bench::thread_time() - thread, received - before, checksum};
}

} // namespace

int main() {
  stack_t stack{};
  stack.ss_sp = signal_stack;
  stack.ss_size = sizeof signal_stack;
  struct sigaction action{};
  action.sa_sigaction = count_signal;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART;
  if (sigaltstack(&stack, nullptr) != 0 || sigaction(SIGURG, &action, nullptr) != 0)
    return 1;
  std::thread(send_signals, static_cast<pid_t>(::syscall(SYS_gettid))).detach();
  bench::serve_segments(names, [](kernel_function *run, std::uint64_t rounds, std::uint64_t repetitions) {
    return bench::take_turns(ways, repetitions, [&](unsigned way) { return run_segment(way, run, rounds); });
  });
}
