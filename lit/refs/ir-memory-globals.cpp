// Variables that hold references are listed beside them: in their COMDAT group, dropped with them by --gc-sections, folded with them by link-time
// optimisation.
// RUN: rm -rf %t && split-file %s %t && cd %t
// RUN: %sp-clangxx -O2 -ffunction-sections -fdata-sections -c one.cpp -o one.o && llvm-readelf -SW one.o | FileCheck one.cpp
// RUN: llvm-readelf -rW one.o | FileCheck one.cpp --check-prefix=ENTRY
// RUN: %sp-clangxx -O0 -fcommon -c -x c common.c -o common.o && llvm-nm common.o | FileCheck common.c
// RUN: %sp-clangxx -O2 -fPIC -c two.cpp -o two.o && %clangxx -I %include -c main.cpp -o main.o
// RUN: %clangxx one.o two.o main.o -o all && ./all | FileCheck main.cpp --check-prefix=ALL
// RUN: %clangxx -shared two.o -o two.so && %clangxx one.o main.o ./two.so -o shared && ./shared | FileCheck main.cpp --check-prefix=SHARED
// RUN: %clangxx -fuse-ld=lld -Wl,--gc-sections one.o two.o main.o -o lld && ./lld | FileCheck main.cpp --check-prefix=GC
// RUN: %clangxx -Wl,--gc-sections,-z,start-stop-gc one.o two.o main.o -o bfd && ./bfd | FileCheck main.cpp --check-prefix=GC
// RUN: %sp-clangxx -O2 -flto=thin -c one.cpp -o one.lto.o && %sp-clangxx -O2 -flto=thin -c two.cpp -o two.lto.o
// RUN: %clangxx -fuse-ld=lld -flto=thin -Wl,--load-pass-plugin=%plugin one.lto.o two.lto.o main.o -o lto && ./lto | FileCheck main.cpp --check-prefix=GC
// RUN: not %sp-clangxx -O0 -c thread.cpp -o /dev/null 2>&1 | FileCheck thread.cpp

//--- ref.h
struct Raw;
using Space = Raw __attribute__((address_space(1))) *;
struct [[clang::trivial_abi]] Ref {
  Space P = nullptr;
  Ref() = default;
  constexpr Ref(const Ref &O) : P(O.P) {}
  Ref &operator=(const Ref &O) {
    P = O.P;
    return *this;
  }
};
struct Holder {
  long Number;
  Ref First, Second;
};
inline Holder Shared[2];
//--- one.cpp
// identity: skip (references)
// CHECK: stillpoint_globals_v[[#V]] {{.*}} WALG
// CHECK: stillpoint_globals_v[[#V]] {{.*}} WAL 
// CHECK: stillpoint_globals_v[[#V]] {{.*}} WAL 
// ENTRY: R_X86_64_64 {{.*}} Shared + 8
#include "ref.h"
Ref Kept;
Ref Dropped;
const Ref Constant{};
extern "C" void *kept() { return &Kept.P; }
extern "C" void *shared() { return &Shared[0].First; }
//--- two.cpp
// identity: skip (references)
#include "ref.h"
static Ref Local[3];
extern "C" void *local(long I, Ref R) {
  Local[I] = R;
  return &Local[0].P;
}
extern "C" void *shared_again() { return &Shared[0].First; }
//--- common.c
// CHECK-NOT: C tentative
// CHECK: V tentative
struct Raw __attribute__((address_space(1))) *tentative;
int used(void) { return tentative != 0; }
//--- thread.cpp
// identity: skip (is an error)
// CHECK: error: {{.*}}thread_local
#include "ref.h"
thread_local Ref Mine;
//--- main.cpp
// ALL: 9 roots, kept 1, shared 4, local 3
// SHARED: 6 roots, kept 1, shared 4, local 0
// GC: 8 roots, kept 1, shared 4, local 3
#include "stillpoint/abi/map_format.h"
#include <cstdint>
#include <cstdio>
extern "C" void *kept();
extern "C" void *shared();
extern "C" void *shared_again();
extern "C" void *local(long, void *);
extern "C" void __stillpoint_write_barrier(void *) {}
extern const uintptr_t Begin[] __asm__("__start_" STILLPOINT_GLOBALS_SECTION) __attribute__((visibility("hidden")));
extern const uintptr_t End[] __asm__("__stop_" STILLPOINT_GLOBALS_SECTION) __attribute__((visibility("hidden")));
static int count(void *From, unsigned Words) {
  int N = 0;
  for (const uintptr_t *E = Begin; E != End; ++E) {
    uintptr_t At = *E - reinterpret_cast<uintptr_t>(From);
    N += At < Words * 8;
  }
  return N;
}
int main() {
  void *Local = local(0, nullptr);
  if (shared() != shared_again())
    return 1;
  std::printf("%d roots, kept %d, shared %d, local %d\n", static_cast<int>(End - Begin), count(kept(), 1), count(shared(), 5), count(Local, 3));
}
