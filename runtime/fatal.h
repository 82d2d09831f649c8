// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How the runtime ends a program that cannot go on: one line "stillpoint: ..." on stderr, then abort (or exit, for a wrong setting).
//
// Invariants: allocates nothing, takes no lock, uses no stdio; callable from a signal handler, on any stack with a few hundred bytes left.
// Rejected: fprintf (locks and allocates) and assert (no message for the user, and off in release builds).
#ifndef STILLPOINT_RUNTIME_FATAL_H
#define STILLPOINT_RUNTIME_FATAL_H

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace stillpoint::rt {

// A message being put together in a fixed buffer; what does not fit is cut off. Signal safe.
class message {
public:
  message &operator<<(std::string_view text) noexcept;
  message &operator<<(std::uint64_t number) noexcept;
  message &hex(std::uint64_t number) noexcept;
  // Writes "stillpoint: " + text + newline to stderr in one write.
  void print() const noexcept;

private:
  char text_[512];
  std::size_t size_ = 0;
};

// Prints what ends the program, before whatever ends it. Signal safe.
void say_last_words(const message &m) noexcept;
// Whether somebody has: the abort that follows need not be explained again. Signal safe.
bool last_words_said() noexcept;

// A broken invariant or misuse that nobody can recover from: prints and aborts. Signal safe.
[[noreturn]] void fatal(const message &m) noexcept;
[[noreturn]] void fatal(std::string_view text) noexcept;

// A wrong setting in the environment: prints and ends the process with status 2, without a core file.
[[noreturn]] void fatal_setting(const message &m) noexcept;

} // namespace stillpoint::rt

#endif
