// Outlined code is called in the middle of anything: its callers may keep values in registers that its own instructions do not mention. It is
// never a place to stop.
// REQUIRES: objdump
// RUN: %sp-clang -Oz -mllvm -enable-machine-outliner=always -c %s -o %t.o
// RUN: %sp-objdump --check %t.o && %sp-objdump --function=OUTLINED_FUNCTION_0 %t.o | FileCheck %s

// CHECK: <OUTLINED_FUNCTION_0>
// CHECK-NOT: {{ }}safe
// CHECK: unsafe cfa=?
// CHECK-NOT: {{ }}safe
double f(double *p, double *q) {
  double s = p[0] * q[0] + p[1] * q[1] + p[2] * q[2];
  p[4] = s * q[3];
  return s;
}
double g(double *p, double *q) {
  double s = p[0] * q[0] + p[1] * q[1] + p[2] * q[2];
  p[4] = s * q[3];
  return s + 1;
}
double h(double *p, double *q) {
  double s = p[0] * q[0] + p[1] * q[1] + p[2] * q[2];
  p[4] = s * q[3];
  return s + 2;
}
