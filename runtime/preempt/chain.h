// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The signal handlers that were there before ours, and calling them as the kernel would.
//
// Invariant: written once, before our handler is installed; read by handlers. Not kept: the old handler's own mask and SA_NODEFER (our
// handlers block every signal that may be blocked), and SA_RESETHAND.
#ifndef STILLPOINT_RUNTIME_PREEMPT_CHAIN_H
#define STILLPOINT_RUNTIME_PREEMPT_CHAIN_H

#include <csignal>

namespace stillpoint::rt::preempt {

using signal_function = void (*)(int, siginfo_t *, void *);

class signal_chain {
public:
  // Puts `handler` in front, on the alternate stack, with all other asynchronous signals blocked while it runs.
  void install(int number, signal_function handler) noexcept;

  // Hands the signal to whoever was there before. False if that is the default action or SIG_IGN; see ignored(). Signal safe.
  bool pass_on(int number, siginfo_t *info, void *context) const noexcept;
  [[nodiscard]] bool ignored() const noexcept;

private:
  struct sigaction previous_ = {};
};

} // namespace stillpoint::rt::preempt

#endif
