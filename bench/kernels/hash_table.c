// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Open addressing with linear probing: loads that depend on one another, branches that cannot be foreseen.
#include "kernels.h"

#include <stdlib.h>
#include <string.h>

enum { slots = 4096, keys = 2500, lookups = 5000 };

struct slot {
  uint32_t key, count;
};

static struct slot *find(struct slot *table, uint32_t key) {
  uint32_t at = key * 2654435761u >> 20;
  while (table[at].key != 0 && table[at].key != key)
    at = (at + 1) % slots;
  return table + at;
}

uint64_t kernel_hash_table(uint64_t rounds) {
  struct slot *table = malloc(sizeof(struct slot) * slots);
  uint64_t sum = 0;
  for (uint64_t round = 0; round < rounds; ++round) {
    memset(table, 0, sizeof(struct slot) * slots);
    uint32_t random = 1 + (uint32_t)(round % 1000);
    for (int i = 0; i < keys; ++i) {
      uint32_t key = kernel_random(&random) % 100000 + 1;
      struct slot *at = find(table, key);
      at->key = key;
      ++at->count;
    }
    for (int i = 0; i < lookups; ++i)
      sum += find(table, kernel_random(&random) % 100000 + 1)->count;
    sum = kernel_mix(sum, round);
  }
  free(table);
  return sum;
}
