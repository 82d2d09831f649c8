// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A loop in a shared object, that ends when somebody else says so.
#include "work.h"

unsigned long work_until(const int *stop) {
  unsigned long rounds = 0;
  while (!__atomic_load_n(stop, __ATOMIC_RELAXED))
    ++rounds;
  return rounds;
}
