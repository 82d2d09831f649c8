// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Runs one kernel an instruction at a time and says at which kind of point each instruction of managed code stood.
//
// Mechanism: the processor's trap flag raises SIGTRAP behind every instruction; the handler counts the address in an array over this
// program's own text. Afterwards each address that was reached is looked up in this program's tables by the runtime's own reader. In one
// process, as a tracer in another would cost several times as much for each step.
// Invariants: between `step_begin` and `step_end` only the kernel runs; addresses outside managed code (libc, libstdc++, linkage stubs) are
// counted together and make no part of the shares.
//
// Rejected: performance counters (a sample, and not to be had on many virtual machines); valgrind (it steps its own translation).
//
// Usage: bench-step KERNEL ROUNDS. Prints "counts SAFE PINNED UNSAFE FOREIGN", then "unsafe ADDRESS COUNT" for the most frequent
// unsafe addresses, as the file has them (ready for a disassembler).
#include "runtime/map/reader.h"
#include "serve.h"

#include <algorithm>
#include <csignal>
#include <link.h>
#include <sys/mman.h>
#include <sys/ucontext.h>
#include <vector>

// The linker's names for the start and the end of this program's text and tables.
extern "C" const unsigned char __executable_start[], etext[];
extern "C" const unsigned char records_begin[] __asm__("__start_" STILLPOINT_RECORDS_SECTION);
extern "C" const unsigned char records_end[] __asm__("__stop_" STILLPOINT_RECORDS_SECTION);
extern "C" const unsigned char maps_begin[] __asm__("__start_" STILLPOINT_MAPS_SECTION);
extern "C" const unsigned char maps_end[] __asm__("__stop_" STILLPOINT_MAPS_SECTION);

namespace {

using stillpoint::map::bytes_at;

std::uint32_t *counts; // one for each byte of the text
std::uintptr_t text_begin, text_size;
std::uint64_t elsewhere;

void on_step(int, siginfo_t *, void *context) {
  auto at = static_cast<std::uintptr_t>(static_cast<ucontext_t *>(context)->uc_mcontext.gregs[REG_RIP]) - text_begin;
  if (at < text_size)
    ++counts[at];
  else
    ++elsewhere;
}

constexpr unsigned long trap_flag = 0x100;

// The red zone is stepped over: these are inlined where the compiler may use it.
__attribute__((always_inline)) inline void step_begin() {
  asm volatile("lea -128(%%rsp), %%rsp\n\tpushfq\n\torq %0, (%%rsp)\n\tpopfq\n\tlea 128(%%rsp), %%rsp" ::"i"(trap_flag) : "memory", "cc");
}

__attribute__((always_inline)) inline void step_end() {
  asm volatile("lea -128(%%rsp), %%rsp\n\tpushfq\n\tandq %0, (%%rsp)\n\tpopfq\n\tlea 128(%%rsp), %%rsp" ::"i"(~trap_flag) : "memory", "cc");
}

bytes_at section(const unsigned char *begin, const unsigned char *end) {
  return {begin, static_cast<std::size_t>(end - begin), reinterpret_cast<std::uint64_t>(begin)};
}

void prepare() {
  text_begin = reinterpret_cast<std::uintptr_t>(__executable_start);
  text_size = reinterpret_cast<std::uintptr_t>(etext) - text_begin;
  void *memory = mmap(nullptr, text_size * sizeof *counts, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) {
    std::perror("bench-step: mmap");
    std::exit(1);
  }
  counts = static_cast<std::uint32_t *>(memory);
  struct sigaction action = {};
  action.sa_sigaction = on_step;
  action.sa_flags = SA_SIGINFO;
  sigaction(SIGTRAP, &action, nullptr);
}

struct place {
  std::uintptr_t address;
  std::uint32_t count;
};

void report() {
  stillpoint::map::table_view tables{section(records_begin, records_end), section(maps_begin, maps_end)};
  std::uint64_t by_kind[3] = {}, foreign = elsewhere;
  std::vector<place> unsafe;
  for (std::uintptr_t at = 0; at < text_size; ++at) {
    if (!counts[at])
      continue;
    stillpoint::map::point found;
    auto status = stillpoint::map::find(tables, text_begin + at, found);
    if (status == stillpoint::map::status::corrupt) {
      std::fprintf(stderr, "bench-step: the tables are corrupt at %#lx\n", at);
      std::exit(1);
    }
    if (status == stillpoint::map::status::not_managed) {
      foreign += counts[at];
      continue;
    }
    by_kind[found.kind] += counts[at];
    if (found.kind == stillpoint::abi::kind_unsafe)
      unsafe.push_back({at, counts[at]});
  }
  using namespace stillpoint::abi;
  std::printf("counts %lu %lu %lu %lu\n", by_kind[kind_safe], by_kind[kind_pinned], by_kind[kind_unsafe], foreign);
  std::sort(unsafe.begin(), unsafe.end(), [](const place &a, const place &b) { return a.count > b.count; });
  for (std::size_t i = 0; i < unsafe.size() && i < 12; ++i)
    std::printf("unsafe %#lx %u\n", unsafe[i].address, unsafe[i].count);
}

} // namespace

int main(int argc, char **argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: bench-step KERNEL ROUNDS\n");
    return 2;
  }
  kernel_function *run = bench::find_kernel(argv[1]);
  std::uint64_t rounds = std::strtoull(argv[2], nullptr, 10);
  std::uint64_t unstepped = run(rounds); // what happens only once (filling static tables, binding symbols) is not stepped
  prepare();
  step_begin();
  std::uint64_t stepped = run(rounds);
  step_end();
  if (stepped != unstepped) {
    std::fprintf(stderr, "bench-step: %s gives another result when it is stepped\n", argv[1]);
    return 1;
  }
  report();
}
