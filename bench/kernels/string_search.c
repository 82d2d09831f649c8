// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Horspool's search and the naive one over the same text: byte loads, table look-ups, early exits.
#include "kernels.h"

#include <stdlib.h>
#include <string.h>

enum { text_size = 24000 };

static size_t count_horspool(const unsigned char *text, size_t size, const unsigned char *word, size_t length) {
  size_t skip[256], found = 0;
  for (size_t i = 0; i < 256; ++i)
    skip[i] = length;
  for (size_t i = 0; i + 1 < length; ++i)
    skip[word[i]] = length - 1 - i;
  for (size_t at = 0; at + length <= size; at += skip[text[at + length - 1]]) {
    size_t i = length;
    while (i > 0 && text[at + i - 1] == word[i - 1])
      --i;
    found += i == 0;
  }
  return found;
}

static size_t count_naive(const unsigned char *text, size_t size, const unsigned char *word, size_t length) {
  size_t found = 0;
  for (size_t at = 0; at + length <= size; ++at) {
    size_t i = 0;
    while (i < length && text[at + i] == word[i])
      ++i;
    found += i == length;
  }
  return found;
}

uint64_t kernel_string_search(uint64_t rounds) {
  unsigned char *text = malloc(text_size);
  uint32_t random = 12345;
  for (size_t i = 0; i < text_size; ++i)
    text[i] = (unsigned char)('a' + kernel_random(&random) % 4);
  uint64_t sum = 0;
  for (uint64_t round = 0; round < rounds; ++round) {
    unsigned char word[7];
    memcpy(word, text + round * 31 % (text_size - 8), sizeof word);
    sum = kernel_mix(sum, count_horspool(text, text_size, word, sizeof word) * 1000 + count_naive(text, text_size, word, sizeof word));
  }
  free(text);
  return sum;
}
