// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// See floor.h.
#include "floor.h"
#include "../programs/clock.h"

#include <atomic>
#include <cpuid.h>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <sys/syscall.h>
#include <thread>
#include <ucontext.h>
#include <unistd.h>

extern "C" {
void bench_floor_stop();
void bench_floor_arrived();
// Which processor state the injected call saves, a mask for XSAVEC: all that is switched on but AMX's tiles.
std::uint32_t bench_floor_state;
}

namespace {

std::atomic<std::uint64_t> arrived_at{0};
std::atomic<std::uint64_t> turns{0}; // of the spinning loop: shows that the thread is back in it
std::atomic<bool> spinning{false};
pid_t thread_id;

void choose_state() {
  constexpr std::uint32_t amx = 3u << 17;
  constexpr unsigned room = 4096 - 64; // in floor.S
  unsigned a, b, c, d, low, high;
  __cpuid_count(0xd, 1, a, b, c, d);
  bool has_xsavec = a & 2;
  asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  __cpuid_count(0xd, 0, a, b, c, d);
  if (!has_xsavec || (b > room && !(low & amx))) {
    std::fprintf(stderr, "the floor of latency cannot be measured: the processor has no XSAVEC, or too much state\n");
    std::exit(1);
  }
  bench_floor_state = low & ~amx;
}

void on_signal(int, siginfo_t *, void *context) {
  auto &registers = static_cast<ucontext_t *>(context)->uc_mcontext.gregs;
  auto top = static_cast<std::uint64_t>(registers[REG_RSP]) - 128 - sizeof(std::uint64_t);
  *reinterpret_cast<std::uint64_t *>(top) = static_cast<std::uint64_t>(registers[REG_RIP]);
  registers[REG_RSP] = static_cast<greg_t>(top);
  registers[REG_RIP] = reinterpret_cast<greg_t>(&bench_floor_stop);
}

void spin_forever() {
  static char signal_stack[1 << 16];
  stack_t alternate = {};
  alternate.ss_sp = signal_stack;
  alternate.ss_size = sizeof signal_stack;
  sigaltstack(&alternate, nullptr);
  thread_id = static_cast<pid_t>(::syscall(SYS_gettid));
  for (;;) {
    spinning.wait(false);
    while (spinning.load(std::memory_order_relaxed))
      turns.store(turns.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    turns = 0;
  }
}

} // namespace

void bench_floor_arrived() { arrived_at.store(bench::now(), std::memory_order_release); }

namespace bench::floor {

void start() {
  choose_state();
  struct sigaction action = {};
  action.sa_sigaction = on_signal;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART;
  sigaction(SIGUSR2, &action, nullptr);
  std::thread(spin_forever).detach();
  set_spinning(true);
  set_spinning(false);
}

void set_spinning(bool spin) {
  spinning = spin;
  spinning.notify_one();
  while ((turns.load() != 0) != spin)
    usleep(100);
}

std::uint64_t interrupt() {
  arrived_at = 0;
  std::uint64_t before = now();
  ::syscall(SYS_tgkill, getpid(), thread_id, SIGUSR2);
  std::uint64_t arrived;
  while (!(arrived = arrived_at.load(std::memory_order_acquire)))
    ;
  // Only when it spins again is the next one a fair measure.
  for (std::uint64_t seen = turns.load(); turns.load() < seen + 100;)
    ;
  return arrived - before;
}

} // namespace bench::floor
