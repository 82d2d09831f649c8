// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Problem: loaded into a tool of another LLVM, the plugin would bring its own LLVM 22 libraries along, register itself with those, and the
// tool would compile without tables and without a word.
//
// Mechanism: before the plugin's registrations run, the first LLVM in the process, which is the tool's own, is asked for its version
// through the C API, whose names and types do not change. Minor versions differ in their ABI, patch versions do not.
//
// There is no diagnostics engine that this code could call in such a process, so it writes and exits. Rejected: to check the symbol
// versions of the libraries (a tool that is linked with LLVM statically has none).
#include "llvm-c/Core.h"
#include "llvm/Config/llvm-config.h"

#include <cstdio>
#include <dlfcn.h>
#include <unistd.h>

namespace {

[[gnu::constructor(101)]] void checkVersion() {
  using VersionFunction = decltype(LLVMGetVersion);
  auto *HostVersion = reinterpret_cast<VersionFunction *>(dlsym(RTLD_DEFAULT, "LLVMGetVersion"));
  if (!HostVersion)
    return; // The tool hides its LLVM; loading goes on to fail by itself if it is another one.
  unsigned Major = 0, Minor = 0, Patch = 0;
  HostVersion(&Major, &Minor, &Patch);
  if (Major == LLVM_VERSION_MAJOR && Minor == LLVM_VERSION_MINOR)
    return;
  std::fprintf(stderr, "error: the plugin 'stillpoint' is built for LLVM %d.%d and was loaded into a program that uses LLVM %u.%u.%u\n",
               LLVM_VERSION_MAJOR, LLVM_VERSION_MINOR, Major, Minor, Patch);
  std::fflush(stderr);
  _exit(1);
}

} // namespace
