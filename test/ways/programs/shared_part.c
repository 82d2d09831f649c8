// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// See shared.c.
_Thread_local unsigned shared_calls;
static unsigned table[256];

__attribute__((visibility("default"))) unsigned shared_work(unsigned seed, unsigned rounds) {
  ++shared_calls;
  for (unsigned i = 0; i != rounds; ++i) {
    table[i % 256] += seed;
    seed = seed * 69069 + table[seed % 256];
  }
  return seed;
}
