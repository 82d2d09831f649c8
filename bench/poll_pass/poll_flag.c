// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What the polls look at and would call; a benchmark never sets it.
#include <stdatomic.h>

atomic_char bench_poll_flag;

__attribute__((preserve_all)) void bench_poll_taken(void) { atomic_store(&bench_poll_flag, 0); }
