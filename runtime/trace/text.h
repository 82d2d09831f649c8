// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A snapshot of the tasks, and addresses of code, as text for people.
//
// Mechanism: names from the symbol tables (.symtab through libunwind, else what dladdr finds), demangled; each address is looked up once.
// Invariant: a name that is not found is no error: the address inside of the object is always printed, for addr2line.
#ifndef STILLPOINT_RUNTIME_TRACE_TEXT_H
#define STILLPOINT_RUNTIME_TRACE_TEXT_H

#include "trace/snapshot.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

namespace stillpoint::rt::trace {

// Where text goes, piece by piece.
using sink = void (*)(void *context, std::string_view text);

// All of it. Allocates: throws std::bad_alloc. Not for signal handlers.
void print(const snapshot &all, sink out, void *context);

class symbols {
public:
  // "NAME + 0x2a (OBJECT + 0x11a2)". `interrupted`: an instruction's address, else a return address.
  const std::string &describe(std::uintptr_t pc, bool interrupted);

private:
  std::unordered_map<std::uintptr_t, std::string> known_;
};

// Takes a snapshot of the run and writes it to standard error, behind `heading`. Not for signal handlers.
void print_to_stderr(scheduler &s, std::string_view heading) noexcept;

// Writes to a file descriptor; `context` points to the int. Errors are ignored.
void write_to_descriptor(void *context, std::string_view text) noexcept;

} // namespace stillpoint::rt::trace

#endif
