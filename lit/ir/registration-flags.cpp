// Registration beside what else adds to a module: sanitizers, control-flow protection, profiling, instrumentation, large code, split debug
// information. The constructor is never instrumented, and runs.
// RUN: rm -rf %t && mkdir %t && cd %t
// RUN: %clang -O1 -DTABLE_VERSION=%tables -c %S/Inputs/runtime.c -o runtime.o
// RUN: %sp-clangxx -O1 -fsanitize=address,undefined %s runtime.o -o asan && env ASAN_OPTIONS=detect_leaks=0 ./asan | FileCheck %s
// RUN: %sp-clangxx -O1 -fsanitize=thread -c %s -o tsan.o && llvm-objdump -dr --section=stillpoint_init tsan.o | FileCheck %s --check-prefix=PLAIN
// RUN: %sp-clangxx -O2 -flto -fsanitize=address -c %s -o lto.o
// RUN: %clangxx -fuse-ld=lld -flto -fsanitize=address -Wl,--load-pass-plugin=%plugin lto.o runtime.o -o lto && env ASAN_OPTIONS=detect_leaks=0 ./lto | FileCheck %s
// RUN: %sp-clangxx -O2 -fcf-protection=full -fstack-protector-all -fstack-clash-protection %s runtime.o -o cf && ./cf | FileCheck %s
// RUN: %sp-clangxx -O2 -fprofile-instr-generate -fcoverage-mapping %s runtime.o -o profile && env LLVM_PROFILE_FILE=p.raw ./profile | FileCheck %s
// RUN: %sp-clangxx -O2 -pg -finstrument-functions -c %s -o instrument.o
// RUN: llvm-objdump -dr --section=stillpoint_init instrument.o | FileCheck %s --check-prefix=PLAIN
// RUN: %sp-clangxx -O2 -mcmodel=large -fno-pic -c %s -o large.o && %clangxx -no-pie large.o runtime.o -o large && ./large | FileCheck %s
// RUN: %sp-clangxx -O2 -g -gsplit-dwarf -fomit-frame-pointer %s runtime.o -o split && ./split | FileCheck %s
// RUN: %sp-clangxx -O2 -fvisibility=hidden -fno-asynchronous-unwind-tables -fno-exceptions %s runtime.o -o hidden && ./hidden | FileCheck %s
// RUN: %sp-clangxx -O2 -ffunction-sections -fdata-sections -Wl,--gc-sections,-z,start-stop-gc %s runtime.o -o sections && ./sections | FileCheck %s

// CHECK: register module 1: sound, tables
// CHECK-NEXT: main
// CHECK-NEXT: unregister module
// PLAIN-NOT: {{__tsan|__asan|mcount|__cyg_profile}}
#include <cstdio>
volatile int Turns = 3;
int main() {
  for (int I = 0; I < Turns; ++I)
    Turns = Turns;
  puts("main");
}
