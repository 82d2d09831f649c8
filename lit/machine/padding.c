// Alignment padding that is executed on the way into a loop belongs to the state behind it: the label stands before the padding.
// RUN: %sp-clang -O2 -fno-vectorize -fno-unroll-loops -S %s -o - | FileCheck %s

double sum(const double *p, long n);
// CHECK-LABEL: late:
// CHECK: callq sum
// CHECK-NOT: .p2align
// CHECK: .Lstillpoint_safe_vector{{[0-9]+}}:
// CHECK: .p2align 4
double late(const double *p, long n) {
  double s = sum(p, n);
  for (long i = 0; i < n; ++i)
    s = s * p[i] + 1;
  return s;
}
