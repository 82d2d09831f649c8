// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A tokenizer of a JSON-like text: a switch in a loop (a jump table), states, small calls.
#include "kernels.h"

#include <string.h>

enum token { token_end, token_punctuation, token_number, token_string, token_word };

static const char text[] =
    "{\"name\": \"still point\", \"size\": 140712, \"parts\": [1, 22, 333, 4444, -5.5e3, true, false, null], "
    "\"nested\": {\"of\": {\"the\": [[], {}, [\"turning \\\"world\\\"\", 0.25]]}}, \"text\": \"neither flesh nor fleshless\"}\n";

static enum token next(const char **at, uint64_t *value) {
  for (;; ++*at) {
    char c = **at;
    switch (c) {
    case 0:
      return token_end;
    case ' ':
    case '\n':
      continue;
    case '{':
    case '}':
    case '[':
    case ']':
    case ',':
    case ':':
      ++*at;
      *value = (uint64_t)c;
      return token_punctuation;
    case '"':
      for (++*at; **at != '"'; ++*at) {
        *at += **at == '\\';
        *value = *value * 31 + (unsigned char)**at;
      }
      ++*at;
      return token_string;
    case '-':
    case '0' ... '9':
      for (; strchr("+-.eE0123456789", **at); ++*at)
        *value = *value * 10 + (uint64_t)(**at - '0');
      return token_number;
    default:
      for (; **at >= 'a' && **at <= 'z'; ++*at)
        *value = *value * 27 + (uint64_t)(**at - 'a');
      return token_word;
    }
  }
}

uint64_t kernel_tokenizer(uint64_t rounds) {
  uint64_t sum = 0;
  for (uint64_t round = 0; round < rounds * 32; ++round) {
    const char *at = text;
    uint64_t value = round;
    for (enum token t = next(&at, &value); t != token_end; t = next(&at, &value))
      sum = kernel_mix(sum, value + t);
  }
  return sum;
}
