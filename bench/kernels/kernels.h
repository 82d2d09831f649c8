// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The compute kernels that every benchmark shares: timed under slices and polls, stepped for coverage, compiled for size and identity.
//
// A kernel is a plain function of a number of rounds; a round is some tens of microseconds and some hundred thousand instructions, so
// that one can be single-stepped. It depends on nothing of Stillpoint, may run in two tasks at once (state on its stack, in memory it
// allocates, or constant once published), and returns a checksum that depends on the rounds alone: a kernel stopped anywhere must not
// change it.
//
// Rejected: one kernel with a table of options; compilers fold what they can see, and a file each keeps every loop's shape its own.
#ifndef STILLPOINT_BENCH_KERNELS_H
#define STILLPOINT_BENCH_KERNELS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef uint64_t kernel_function(uint64_t rounds);

struct kernel {
  const char *name;
  kernel_function *run;
};

// Ends with a null name.
extern const struct kernel kernels[];

// In order: numeric loops, integer loops, recursion, calls, the C++ library.
kernel_function kernel_matmul, kernel_nbody, kernel_mandelbrot, kernel_spectral_norm, kernel_memory_sum;
kernel_function kernel_sieve, kernel_sha256, kernel_string_search, kernel_hash_table, kernel_tokenizer;
kernel_function kernel_quicksort, kernel_fib, kernel_binary_trees;
kernel_function kernel_virtual_calls, kernel_map_vector, kernel_exceptions;

static inline uint32_t kernel_random(uint32_t *state) {
  *state ^= *state << 13;
  *state ^= *state >> 17;
  *state ^= *state << 5;
  return *state;
}

static inline uint64_t kernel_mix(uint64_t sum, uint64_t value) { return (sum ^ value) * 0x9e3779b97f4a7c15u; }

#ifdef __cplusplus
}
#endif

#endif
