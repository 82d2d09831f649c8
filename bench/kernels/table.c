// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The kernels by name; compiled without the plugin, as it is no part of what is measured.
#include "kernels.h"

const struct kernel kernels[] = {
    {"matmul", kernel_matmul},
    {"nbody", kernel_nbody},
    {"mandelbrot", kernel_mandelbrot},
    {"spectral_norm", kernel_spectral_norm},
    {"memory_sum", kernel_memory_sum},
    {"sieve", kernel_sieve},
    {"sha256", kernel_sha256},
    {"string_search", kernel_string_search},
    {"hash_table", kernel_hash_table},
    {"tokenizer", kernel_tokenizer},
    {"quicksort", kernel_quicksort},
    {"fib", kernel_fib},
    {"binary_trees", kernel_binary_trees},
    {"virtual_calls", kernel_virtual_calls},
    {"map_vector", kernel_map_vector},
    {"exceptions", kernel_exceptions},
    {NULL, NULL},
};
