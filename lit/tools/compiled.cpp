// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the compiler writes fits the code that it makes, at every level and in every kind of file: --check finds nothing. And the sums
// agree with the sections.
//
// RUN: rm -rf %t && mkdir %t
// RUN: %sp-clangxx -O0 -c %s -o %t/0.o
// RUN: %sp-clangxx -O1 -fno-omit-frame-pointer -c %s -o %t/1.o
// RUN: %sp-clangxx -O2 -g -ffunction-sections -c %s -o %t/2.o
// RUN: %sp-clangxx -O3 -fPIC -mavx2 -c %s -o %t/3.o
// RUN: %sp-clangxx -Os -fno-exceptions -fno-asynchronous-unwind-tables -DNO_THROW -c %s -o %t/s.o
// RUN: %sp-clangxx -O2 -fplugin-arg-stillpoint-liveness=full -c %s -o %t/full.o
// RUN: %sp-objdump --check %t/0.o %t/1.o %t/2.o %t/3.o %t/s.o %t/full.o
// RUN: %sp-clangxx -O2 -fPIC -shared -fuse-ld=lld -Wl,--gc-sections %t/3.o -o %t/3.so
// RUN: %sp-objdump --check %t/3.so
// RUN: %sp-objdump --function=sum %t/2.o | FileCheck %s --check-prefix=SUM
// RUN: %sp-objdump --function=sum %t/full.o | FileCheck %s --check-prefix=FULL
// RUN: %sp-objdump --function=counter %t/3.o | FileCheck %s --check-prefix=PINNED
// RUN: %sp-objdump --runs --function=never %t/2.o | FileCheck %s --check-prefix=NEVER
// RUN: %sp-objdump --summary --json %t/2.o > %t/2.json
// RUN: %python -c "import json; s = json.load(open(r'%t/2.json')); assert s['functions'] > 4 and s['points']['safe'] > s['points']['unsafe'] > 0, s; assert s['managed'] == sum(s['bytes'].values()) <= s['text'], s"

// SUM: <sum>: in .text.sum
// SUM-NEXT: frame cfa=rsp+8, saves nothing
// SUM-NOT: {{unsafe|pinned}}
// SUM: safe cfa=rsp+8 {{.*}}addq
// SUM: retq
extern "C" long sum(const long *first, const long *last) {
  long s = 0;
#pragma clang loop vectorize(disable) unroll(disable)
  for (; first != last; ++first)
    s += *first;
  return s;
}

// The loop reads RDI and RSI and keeps its sum in RAX; what the caller keeps is live too.
// FULL: safe cfa=rsp+8 live=rax,rbx,rsp,rbp,rsi,rdi,r12,r13,r14,r15 addq (%rdi), %rax

// PINNED: safe cfa=rsp+8 vec push
// PINNED: unsafe {{.*}}callq {{.*}} <__tls_get_addr>
// PINNED: pinned {{.*}}callq {{.*}} <_Z5touchPl>
// PINNED-NOT: {{[0-9a-f] safe}}
thread_local long calls[2];
void touch(long *);
extern "C" void counter() { touch(calls), touch(calls + 1); }

// NEVER: ; nosplit;
// NEVER-NOT: {{^ *[0-9a-f]+ (safe|pinned) }}
extern "C" [[stillpoint::nosplit]] long never(long n) {
  long s = 0;
  for (long i = 0; i < n; ++i)
    s += calls[i & 1];
  return s;
}

struct guard {
  ~guard();
  long *p;
};
long external(long, long, long, long, long, long, long, long);
extern "C" long cleanup(long n) {
  guard g{&n};
#ifndef NO_THROW
  try {
    return external(1, 2, 3, 4, 5, 6, n, 8);
  } catch (int i) {
    return i;
  }
#endif
  return external(1, 2, 3, 4, 5, 6, n, 8);
}

void fill(char *, long);
extern "C" long dynamic(long n) {
  char *p = static_cast<char *>(__builtin_alloca(n));
  fill(p, n);
  return p[n / 2];
}

extern "C" float aligned(float x) {
  alignas(64) char buffer[128];
  fill(buffer, 128);
  return x + buffer[7];
}

extern "C" long shapes(int which, long a) {
  switch (which) {
  case 0:
    return external(a, a, a, a, a, a, a, a);
  case 1:
    return a + 1;
  case 2:
    fill(nullptr, a);
    return external(a, 1, 2, a, 3, a, 4, 5);
  case 3:
    __builtin_trap();
  default:
    return sum(&a, &a + 1);
  }
}
