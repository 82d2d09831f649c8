// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Faults and abort: the task that ends the program is named; everything else happens as if we were not here.
//
// Problem: a core file knows threads. Which of a thousand tasks called std::terminate or read through a null pointer is not in it.
// Mechanism: the handler that was there before has the word, and we say nothing: it may know what to do. If there was none, one line on stderr with
// the task, if one runs on this worker, then the default action is put back and the instruction runs again, so that the core file shows the
// crash itself. abort() raises SIGABRT, so does std::terminate by way of it. A fault in the guard of the task's stack: a message and abort.
// Invariants: runs on the alternate stack (the task's own may have no room left), signal safe. A signal that another process sent says nothing
// about the task that it met. Whoever ends the program with a message (fatal.h) has said it all.
// Rejected: a terminate handler (it would have to be put back at the end, meets the program's own, and abort() does not pass it).
#include "runtime/fatal.h"
#include "runtime/preempt/chain.h"
#include "runtime/preempt/internal.h"
#include "runtime/sched/task_name.h"
#include "runtime/stack/stack.h"

#include <cerrno>
#include <sys/syscall.h>
#include <unistd.h>

namespace stillpoint::rt::preempt {
namespace {

struct watched_signal {
  int number;
  std::string_view name;
  signal_chain chain;
};
constinit watched_signal watched[] = {
    {SIGSEGV, "SIGSEGV", {}}, {SIGBUS, "SIGBUS", {}}, {SIGILL, "SIGILL", {}}, {SIGFPE, "SIGFPE", {}}, {SIGABRT, "abort", {}}};

// A signal that the kernel raised for an instruction, not one that somebody sent, nor news of broken memory that nobody touched yet.
bool is_fault(int number, const siginfo_t &info) noexcept {
  return info.si_code > 0 && !(number == SIGBUS && info.si_code == BUS_MCEERR_AO);
}

bool raised_here(const siginfo_t &info) noexcept { return info.si_code == SI_TKILL && info.si_pid == getpid(); }

bool has_address(int number, const siginfo_t &info) noexcept { // without one where the kernel knows none, as for a non-canonical address
  return (number == SIGSEGV || number == SIGBUS) && info.si_code > 0 && info.si_code != SI_KERNEL;
}

void let_default_happen(int number, bool fault) noexcept {
  struct sigaction standard = {};
  standard.sa_handler = SIG_DFL;
  sigaction(number, &standard, nullptr);
  // A fault comes again by itself when the handler returns; a signal that was sent does not.
  if (!fault)
    ::syscall(SYS_tgkill, getpid(), ::syscall(SYS_gettid), number);
}

message &operator<<(message &m, const task &t) noexcept { return m << "task '" << task_name(t).view() << "' (#" << t.id << ")"; }

void name_the_task(const watched_signal &s, const siginfo_t &info, const task &t) noexcept {
  message m;
  m << s.name;
  if (has_address(s.number, info))
    (m << " at address ").hex(reinterpret_cast<std::uintptr_t>(info.si_addr));
  m << " in " << t;
  say_last_words(m);
}

void on_fault(int number, siginfo_t *info, void *context) {
  const int errno_value = errno;
  const watched_signal *s = watched;
  while (s->number != number)
    ++s;
  const worker *const w = this_worker();
  const task *const t = w != nullptr ? w->current : nullptr;
  const bool fault = is_fault(number, *info);
  if (t != nullptr && fault && number == SIGSEGV && stack::in_guard(*t, reinterpret_cast<std::uintptr_t>(info->si_addr)))
    fatal(message() << "stack overflow in " << *t << ": " << (t->stack_high - t->stack_low) / 1024 << " KiB stack");
  if (!s->chain.pass_on(number, info, context) && (fault || !s->chain.ignored())) {
    if (t != nullptr && (fault || raised_here(*info)) && !last_words_said())
      name_the_task(*s, *info, *t);
    let_default_happen(number, fault);
  }
  errno = errno_value;
}

} // namespace

void install_fault_handlers() noexcept {
  for (watched_signal &s : watched)
    s.chain.install(s.number, on_fault);
}

} // namespace stillpoint::rt::preempt
