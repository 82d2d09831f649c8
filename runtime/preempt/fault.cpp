// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// SIGSEGV: a task that ran over its stack is told so by name; every other crash happens as if we were not here.
//
// Mechanism: if the address lies in the guard of the task that runs on this worker, a message and abort. Otherwise the handler that was there
// before; if there was none, the default action is put back and the instruction runs again, so that the core file shows the crash itself.
// Invariant: runs on the alternate stack (the task's own has no room left).
#include "runtime/fatal.h"
#include "runtime/preempt/chain.h"
#include "runtime/preempt/internal.h"
#include "runtime/stack/stack.h"

#include <cerrno>
#include <sys/syscall.h>
#include <unistd.h>

namespace stillpoint::rt::preempt {
namespace {

constinit signal_chain chain;

// A signal that the kernel raised for an instruction, not one that somebody sent.
bool is_fault(const siginfo_t &info) noexcept { return info.si_code > 0; }

void let_default_happen(int number, const siginfo_t &info) noexcept {
  struct sigaction standard = {};
  standard.sa_handler = SIG_DFL;
  sigaction(number, &standard, nullptr);
  // A fault comes again by itself when the handler returns; a signal that was sent does not.
  if (!is_fault(info))
    ::syscall(SYS_tgkill, getpid(), ::syscall(SYS_gettid), number);
}

void on_fault(int number, siginfo_t *info, void *context) {
  const int errno_value = errno;
  const worker *const w = this_worker();
  const task *const t = w != nullptr ? w->current : nullptr;
  if (t != nullptr && is_fault(*info) && stack::in_guard(*t, reinterpret_cast<std::uintptr_t>(info->si_addr)))
    fatal(message() << "stack overflow in task '" << name_of(*t) << "' (#" << t->id << "): " << (t->stack_high - t->stack_low) / 1024
                    << " KiB stack");
  if (!chain.pass_on(number, info, context) && (is_fault(*info) || !chain.ignored()))
    let_default_happen(number, *info);
  errno = errno_value;
}

} // namespace

void install_fault_handler() noexcept { chain.install(SIGSEGV, on_fault); }

} // namespace stillpoint::rt::preempt
