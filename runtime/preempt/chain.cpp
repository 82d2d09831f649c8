// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See chain.h.
#include "runtime/preempt/chain.h"

#include "runtime/fatal.h"

namespace stillpoint::rt::preempt {
namespace {

// A fault in the handler itself must still be delivered, or the kernel ends the process without a word.
sigset_t all_but_faults() noexcept {
  sigset_t mask;
  sigfillset(&mask);
  for (const int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT})
    sigdelset(&mask, fault);
  return mask;
}

} // namespace

void signal_chain::install(int number, signal_function handler) noexcept {
  struct sigaction action = {};
  action.sa_sigaction = handler;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART;
  action.sa_mask = all_but_faults();
  // Read first: from the moment of the change the handler may look at it.
  if (sigaction(number, nullptr, &previous_) != 0 || sigaction(number, &action, nullptr) != 0)
    fatal("cannot install a signal handler");
}

bool signal_chain::ignored() const noexcept { return (previous_.sa_flags & SA_SIGINFO) == 0 && previous_.sa_handler == SIG_IGN; }

bool signal_chain::pass_on(int number, siginfo_t *info, void *context) const noexcept {
  if ((previous_.sa_flags & SA_SIGINFO) != 0) {
    if (previous_.sa_sigaction == nullptr)
      return false;
    previous_.sa_sigaction(number, info, context);
    return true;
  }
  if (previous_.sa_handler == SIG_DFL || previous_.sa_handler == SIG_IGN)
    return false;
  previous_.sa_handler(number);
  return true;
}

} // namespace stillpoint::rt::preempt
