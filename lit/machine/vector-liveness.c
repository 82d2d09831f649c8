// Vector state counts as live exactly while some vector or mask register will be read.
// REQUIRES: objdump
// RUN: %sp-clang -O2 -fno-vectorize -fno-unroll-loops -c %s -o %t.o && %sp-objdump --check %t.o && %sp-objdump %t.o | FileCheck %s
// RUN: %sp-clang -O2 -fno-vectorize -fno-unroll-loops -S %s -o - | FileCheck %s --check-prefix=ASM

int other(int);
// CHECK: <none>
// CHECK-NOT: vec
// CHECK: <dot>
// ASM-LABEL: none:
// ASM: .Lstillpoint_safe{{[0-9]+}}:
// ASM-NOT: .Lstillpoint_safe_vector
// ASM: .Lfunc_end
int none(const int *p, int n) {
  int s = 0;
  for (int i = 0; i < n; ++i)
    s ^= p[i] * s;
  return s;
}
// CHECK: safe cfa=rsp+8 vec {{.*}}addsd
// CHECK: vec {{.*}}retq
// ASM-LABEL: dot:
// ASM: .Lstillpoint_safe_vector{{[0-9]+}}:
double dot(const double *a, const double *b, int n) {
  double s = 0;
  for (int i = 0; i < n; ++i)
    s += a[i] * b[i];
  return s;
}
