// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Variable arguments, structures by value and in memory, function pointers, callbacks from the C library.
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct small {
  long a, b;
};
struct large {
  long words[9];
  double real;
};

__attribute__((noinline)) static long total(int count, ...) {
  va_list list;
  va_start(list, count);
  long sum = 0;
  for (int i = 0; i != count; ++i)
    sum += i % 3 == 0 ? va_arg(list, int) : i % 3 == 1 ? (long)va_arg(list, double) : va_arg(list, long);
  va_end(list);
  return sum;
}
__attribute__((noinline)) static struct small turn(struct small s) { return (struct small){s.b + 1, s.a ^ s.b}; }
__attribute__((noinline)) static struct large grow(struct large l, int n) {
  l.words[n % 9] += n;
  l.real += 0.5;
  return l;
}
static int compare(const void *a, const void *b) {
  const unsigned x = *(const unsigned *)a, y = *(const unsigned *)b;
  return x < y ? -1 : x > y;
}

int main(void) {
  struct small s = {1, 2};
  struct large l = {{0}, 0};
  long sum = 0;
  for (int i = 0; i != 200000; ++i) {
    sum += total(9, i, 2.5, 3L, i, 1.5, (long)i, 7, 0.25, 9L);
    s = turn(s);
    l = grow(l, i);
  }
  static unsigned numbers[20000];
  for (unsigned i = 0, x = 1; i != 20000; ++i)
    numbers[i] = x = x * 1664525 + 1013904223;
  qsort(numbers, 20000, sizeof *numbers, compare);
  char text[64];
  for (int i = 0; i != 10000; ++i)
    sum += snprintf(text, sizeof text, "%d %s %g", i, "text", i * 0.5) + (long)strlen(text);
  printf("varargs %ld %ld %ld %g %u\n", sum, s.a, l.words[4], l.real, numbers[777]);
  return 0;
}
