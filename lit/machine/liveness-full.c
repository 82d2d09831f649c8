// liveness=full names every live register of every class, and the flags.
// REQUIRES: objdump
// RUN: %sp-clang -O2 -fno-vectorize -fno-unroll-loops -fplugin-arg-stillpoint-liveness=full -c %s -o %t.o
// RUN: %sp-objdump --check %t.o && %sp-objdump %t.o | FileCheck %s

// CHECK: <sum>
// CHECK: live={{.*}}flags{{.*}} j
// CHECK: live={{.*}}rdi{{.*}}xmm0{{.*}}adds
// CHECK: live={{.*}}rsp{{.*}}xmm0{{.*}} retq
double sum(const double *p, long n) {
  double s = 1;
  for (long i = 0; i < n; ++i)
    s += p[i];
  return s;
}
