// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Thread-local variables and errno in loops: their addresses must stay those of the thread.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static _Thread_local unsigned counters[8];
_Thread_local unsigned long shared_counter;
extern _Thread_local unsigned long shared_counter;

__attribute__((noinline)) static unsigned *counter(unsigned n) { return &counters[n % 8]; }

int main(void) {
  for (unsigned i = 0; i != 3000000; ++i) {
    ++counters[i % 8];
    shared_counter += *counter(i / 3) ^ i;
  }
  unsigned errors = 0;
  for (unsigned i = 0; i != 20000; ++i) {
    errno = (int)(i % 5);
    errors += (unsigned)errno;
    errno = 0;
    strtol("99999999999999999999999", 0, 10);
    errors += errno == ERANGE;
  }
  printf("thread local %u %lu %u\n", counters[3], shared_counter, errors);
  return 0;
}
