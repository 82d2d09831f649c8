// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Inline assembly in loops, with memory, flags and clobbers.
#include <stdio.h>

static unsigned long mix(unsigned long x, unsigned long *memory) {
  asm("rol $13, %0\n\tadd %1, %0" : "+r"(x) : "r"(x ^ 5) : "cc");
  asm volatile("lock xaddq %0, %1" : "+r"(x), "+m"(*memory) : : "cc", "memory");
  unsigned char carry;
  asm("addq %2, %0\n\tsetc %1" : "+r"(x), "=qm"(carry) : "er"(123456789L) : "cc");
  return x + carry;
}

int main(void) {
  unsigned long x = 7, memory = 1, square[16] = {0};
  for (int i = 0; i != 500000; ++i) {
    x = mix(x, &memory);
    unsigned long count = i % 16, *to = square;
    asm volatile("rep stosq" : "+c"(count), "+D"(to) : "a"(x) : "memory");
    x += square[i % 15];
  }
  printf("assembly %lu %lu\n", x, memory);
  return 0;
}
