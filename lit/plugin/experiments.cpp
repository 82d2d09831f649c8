// What helps in trials of rules: every point of a function as text, and a counter that takes points away, for bisecting.
// RUN: %sp-clangxx -O2 -fplugin-arg-stillpoint-dump=sum -c %s -o %t.o 2>&1 | FileCheck %s --check-prefix=DUMP
// RUN: %sp-clangxx -O2 -mllvm "-stillpoint-dump=*" -c %s -o %t.o 2>&1 | FileCheck %s --check-prefix=ALL
// RUN: %sp-clangxx -O2 -mllvm -debug-counter=stillpoint-points=0-1 -c %s -o %t.o && %sp-objdump --function=sum %t.o | FileCheck %s --check-prefix=COUNTED
extern "C" long sum(const long *values, long count) {
  long all = 0;
#pragma clang loop vectorize(disable) unroll(disable)
  for (long i = 0; i < count; ++i)
    all += values[i];
  return all;
}
extern "C" int assembly(int n) {
  asm volatile("incl %0\n\tincl %0" : "+r"(n));
  return n;
}

// DUMP:      stillpoint: points of sum
// DUMP-NEXT: %bb.0:
// DUMP-NEXT:    0 safe | {{.*}}XOR32rr
// DUMP:      safe{{.*}} | {{.*}}ADD64rm
// DUMP:      | RET64
// DUMP-NOT:  points of

// ALL: points of sum
// ALL: points of assembly
// ALL: unsafe (inline-asm) | INLINEASM

// COUNTED-LABEL: <sum>
// COUNTED-NEXT: frame
// COUNTED-NEXT: safe
// COUNTED-NEXT: safe
// COUNTED-NEXT: unsafe
// COUNTED-NOT:  safe {{.*}}addq
// COUNTED:      unsafe {{.*}}addq
// COUNTED:      unsafe {{.*}}retq
