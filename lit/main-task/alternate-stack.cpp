// A program that takes the alternate stack of its thread away, or puts one of its own into its frame: the signal's frame then lies on the
// task's stack, where the registers of a stop would be saved. What it computes with vectors meanwhile must not change.
// REQUIRES: runtime
// identity: flags -mavx
// RUN: %stillpoint-clangxx -fplugin-arg-stillpoint-main=task -std=c++20 -O2 -mavx %s -o %t
// RUN: env STILLPOINT_PROCS=1 STILLPOINT_SLICE=100us %t none | FileCheck %s
// RUN: env STILLPOINT_PROCS=1 STILLPOINT_SLICE=100us %t own | FileCheck %s
#include <stillpoint/stillpoint.hpp>

#include <csignal>
#include <cstdio>
#include <cstring>

using lanes = unsigned long __attribute__((vector_size(32)));

// All in registers, for some milliseconds.
[[gnu::noinline]] lanes mix(lanes a, unsigned long rounds) {
  lanes b = a + 1, c = a + 2, d = a + 3;
  for (unsigned long i = 0; i != rounds; ++i) {
    a += b ^ (c >> 7);
    b += c ^ (d << 3);
    c += d ^ (a >> 5);
    d += a ^ i;
    asm volatile("" : "+x"(a), "+x"(b), "+x"(c), "+x"(d));
  }
  return a ^ b ^ c ^ d;
}

int main(int argc, char **argv) {
  static char outside[1 << 16];
  char inside[1 << 16];
  stack_t other = {};
  if (argc > 1 && !strcmp(argv[1], "own")) {
    other.ss_sp = inside;
    other.ss_size = sizeof inside;
  } else {
    other.ss_sp = outside;
    other.ss_flags = SS_DISABLE;
  }
  const lanes begin = {1, 2, 3, 4};
  const lanes first = mix(begin, 2000000); // nobody else is there yet
  sigaltstack(&other, nullptr);
  stillpoint::go([] {
    for (;;)
      stillpoint::yield();
  });
  int wrong = 0;
  for (int i = 0; i != 20; ++i) {
    const lanes again = mix(begin, 2000000);
    wrong += memcmp(&first, &again, sizeof first) != 0;
  }
  printf("wrong results: %d\n", wrong);
}

// CHECK: wrong results: 0
