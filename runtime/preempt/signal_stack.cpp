// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A worker thread's part in signals: its alternate stack, its mask, and putting both back when the thread ends being a worker.
//
// Problem: tasks' stacks are small, and a signal frame with AVX-512 and AMX state has up to 11 KiB. A page of the alternate stack that is not
// there yet when the kernel writes the frame has cost others vector state (Go 35777).
// Mechanism: one mapping with a guard below, every page touched before it is used.
// Invariant: SIGURG and SIGSEGV are not blocked while the thread is a worker.
#include "runtime/arch/arch.h"
#include "runtime/fatal.h"
#include "runtime/preempt/internal.h"

#include <algorithm>
#include <csignal>
#include <new>
#include <pthread.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef AT_MINSIGSTKSZ
#define AT_MINSIGSTKSZ 51
#endif

namespace stillpoint::rt::preempt {
namespace {

// Beyond the signal frame itself: our handler needs little, but handlers of the program's that are called from ours may need more.
constexpr std::size_t room_for_handlers = std::size_t{64} << 10;

// What attach_worker changed, to be put back.
struct signal_stack {
  void *mapping = nullptr;
  std::size_t size = 0;
  stack_t previous_stack = {};
  sigset_t previous_mask = {};
  thread_image previous_words;
};

std::size_t page_size() noexcept { return static_cast<std::size_t>(sysconf(_SC_PAGESIZE)); }

std::size_t stack_size() noexcept {
  const long by_library = sysconf(_SC_MINSIGSTKSZ);
  const std::size_t smallest = std::max(static_cast<std::size_t>(std::max(by_library, 0L)), std::size_t{getauxval(AT_MINSIGSTKSZ)});
  return (smallest + room_for_handlers + page_size() - 1) / page_size() * page_size();
}

// The usable bytes of a new mapping, behind its guard; all of them touched.
char *map_stack(signal_stack &s) noexcept {
  const std::size_t page = page_size();
  s.size = stack_size() + page;
  s.mapping = mmap(nullptr, s.size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  char *const low = static_cast<char *>(s.mapping) + page;
  if (s.mapping == MAP_FAILED || mprotect(low, s.size - page, PROT_READ | PROT_WRITE) != 0)
    fatal("no memory for a worker's signal stack");
  for (std::size_t at = 0; at < s.size - page; at += page)
    *static_cast<volatile char *>(low + at) = 0;
  return low;
}

} // namespace

void attach_worker(worker &w) noexcept {
  auto *const s = new (std::nothrow) signal_stack;
  if (s == nullptr)
    fatal("no memory for a worker's signal stack");
  stack_t stack = {};
  stack.ss_sp = map_stack(*s);
  stack.ss_size = s->size - page_size();
  if (sigaltstack(&stack, &s->previous_stack) != 0)
    fatal("sigaltstack failed");
  arch::read_float_words(s->previous_words);
  arch::reset_float_words();
  w.signal_stack = s;
  find_thread_state(w);
  w.thread_id = static_cast<int>(::syscall(SYS_gettid));
  sigset_t ours;
  sigemptyset(&ours);
  sigaddset(&ours, SIGURG);
  sigaddset(&ours, SIGSEGV);
  pthread_sigmask(SIG_UNBLOCK, &ours, &s->previous_mask);
}

void detach_worker(worker &w) noexcept {
  auto *const s = static_cast<signal_stack *>(w.signal_stack);
  // With SIGURG blocked first, no handler of ours can be on the stack that goes away.
  sigset_t urgent;
  sigemptyset(&urgent);
  sigaddset(&urgent, SIGURG);
  pthread_sigmask(SIG_BLOCK, &urgent, nullptr);
  w.signal_stack = nullptr;
  sigaltstack(&s->previous_stack, nullptr);
  arch::write_float_words(s->previous_words);
  munmap(s->mapping, s->size);
  pthread_sigmask(SIG_SETMASK, &s->previous_mask, nullptr);
  delete s;
}

} // namespace stillpoint::rt::preempt
