// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Serves the kernels with no runtime at all, on a thread that another one interrupts every 100 us by a signal whose handler does nothing: what
// slices of that length must cost at least on this machine, however they are made. With BENCH_NO_SIGNALS set it is the same program, two threads and
// all, without the signals: what to compare with.
#include "clock.h"
#include "serve.h"

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <thread>
#include <unistd.h>

namespace {

constexpr long period_ns = 100'000;

std::atomic<std::uint64_t> received{0};
std::atomic<bool> wanted{false};
alignas(64) char signal_stack[65536];

void count_signal(int, siginfo_t *, void *) { received.fetch_add(1, std::memory_order_relaxed); }

// Sends while a kernel runs. Sleeps by absolute times, as exactly as the kernel allows, like the runtime's monitor.
void send_signals(pid_t thread) {
  prctl(PR_SET_TIMERSLACK, 1UL);
  const pid_t process = getpid();
  timespec next;
  clock_gettime(CLOCK_MONOTONIC, &next);
  for (;;) {
    next.tv_nsec += period_ns;
    if (next.tv_nsec >= 1'000'000'000) {
      next.tv_nsec -= 1'000'000'000;
      ++next.tv_sec;
    }
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, nullptr);
    if (wanted.load(std::memory_order_relaxed))
      syscall(SYS_tgkill, process, thread, SIGURG);
  }
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
  const bool send = std::getenv("BENCH_NO_SIGNALS") == nullptr;
  std::thread(send_signals, static_cast<pid_t>(syscall(SYS_gettid))).detach();
  bench::serve([send](kernel_function *run, std::uint64_t rounds) {
    const std::uint64_t before = received;
    wanted = send;
    std::uint64_t wall = bench::now(), thread = bench::thread_time(), process = bench::process_time();
    const std::uint64_t checksum = run(rounds);
    wanted = false;
    return bench::measured{bench::now() - wall, bench::thread_time() - thread, bench::process_time() - process, received - before,
                           checksum};
  });
}
