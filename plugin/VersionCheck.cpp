// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Problem: loaded into a tool of another LLVM, the plugin brings its own LLVM 22 libraries along. Some of its registrations then reach the
// tool's registries, with other class layouts (a crash), others only those of its own libraries (code without tables, and not a word).
//
// Mechanism: before the plugin's registrations run, a C function that every LLVM has is looked up as the tool itself would find it. If that
// is another one than the plugin is bound to, the tool has another LLVM; its version is asked for by the C API too, or else told by the
// library's name. Minor versions differ in their ABI, patch versions do not.
//
// There is no diagnostics engine that this code could call in such a process, so it writes and exits. Rejected: LLVMGetVersion alone (LLVM
// before 16 has none, and the lookup then finds ours).
#include "llvm-c/Core.h"
#include "llvm/Config/llvm-config.h"

#include <cstdio>
#include <dlfcn.h>
#include <unistd.h>

namespace {

[[noreturn]] void refuse(const char *Uses) {
  std::fprintf(stderr, "error: the plugin 'stillpoint' is built for LLVM %d.%d and was loaded into a program that uses %s\n",
               LLVM_VERSION_MAJOR, LLVM_VERSION_MINOR, Uses);
  std::fflush(stderr);
  _exit(1);
}

[[gnu::constructor(101)]] void checkVersion() {
  void *HostFunction = dlsym(RTLD_DEFAULT, "LLVMContextCreate");
  void *HostVersion = dlsym(RTLD_DEFAULT, "LLVMGetVersion");
  Dl_info Host{}, Own{}, Versioned{};
  if (!HostFunction || !dladdr(HostFunction, &Host) || !dladdr(reinterpret_cast<void *>(&LLVMContextCreate), &Own))
    return; // The tool hides its LLVM, so nothing of it can be mistaken for ours.
  char Uses[512];
  bool Same = Host.dli_fbase == Own.dli_fbase;
  if (HostVersion && dladdr(HostVersion, &Versioned) && Versioned.dli_fbase == Host.dli_fbase) {
    unsigned Major = 0, Minor = 0, Patch = 0;
    reinterpret_cast<decltype(LLVMGetVersion) *>(HostVersion)(&Major, &Minor, &Patch);
    if (Same && Major == LLVM_VERSION_MAJOR && Minor == LLVM_VERSION_MINOR)
      return;
    std::snprintf(Uses, sizeof Uses, "LLVM %u.%u.%u (%s)", Major, Minor, Patch, Host.dli_fname);
  } else {
    std::snprintf(Uses, sizeof Uses, "another LLVM (%s)", Host.dli_fname);
  }
  refuse(Uses);
}

} // namespace
