// A thread-local address that waits in a spill slot still pins.
// REQUIRES: objdump
// RUN: %sp-clang -O2 -fPIC -c %s -o %t.o && %sp-objdump --check %t.o && %sp-objdump %t.o | FileCheck %s

_Thread_local long cell;
void other(void);
long source(void);
// CHECK: <crowded>
// CHECK: unsafe {{.*}}__tls_get_addr
// CHECK: pinned {{.*}}movq %rax, {{.*}}(%rsp)
// CHECK: pinned {{.*}}callq {{.*}}<source>
// CHECK-NOT: safe
// CHECK: pinned {{.*}}movq {{.*}}(%rsp), %
long crowded(long a, long b, long c, long d, long e, long f) {
  long *p = &cell;
  long r = *p;
  long x = source(), y = source(), z = source(), w = source(), v = source(), u = source(), t = source();
  other();
  *p += r + a * x + b * y + c * z + d * w + e * v + f * u + t;
  other();
  return a ^ b ^ c ^ d ^ e ^ f ^ x ^ y ^ z ^ w ^ v ^ u;
}
