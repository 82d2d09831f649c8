// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a callee has left in ST0 and ST1 is live up to the return, in a function that has no x87 instruction of its own.
// RUN: %sp-clang -O2 -c %s -o %t.o
// RUN: %sp-objdump %t.o | FileCheck %s
// RUN: %sp-clang -O2 -fplugin-arg-stillpoint-liveness=full -c %s -o %t.full.o
// RUN: %sp-objdump %t.full.o | FileCheck %s --check-prefix=FULL

long double one(int);
_Complex long double two(int);
int none(int);

// CHECK-LABEL: <passes_one>
// CHECK:      callq {{.*}}one
// CHECK-NEXT: safe {{.*}} vec {{.*}}movb $0x2
// FULL-LABEL: <passes_one>
// FULL:       callq {{.*}}one
// FULL-NEXT:  safe {{.*}} vec live={{.*}}st0,{{.*}}movb $0x2
long double passes_one(int x) {
  volatile char bytes[32];
  bytes[x] = 1;
  const long double result = one(x);
  bytes[1] = 2;
  return result;
}

// CHECK-LABEL: <passes_two>
// CHECK:      callq {{.*}}two
// CHECK-NEXT: safe {{.*}} vec {{.*}}movb $0x2
_Complex long double passes_two(int x) {
  volatile char bytes[32];
  bytes[x] = 1;
  const _Complex long double result = two(x);
  bytes[1] = 2;
  return result;
}

// CHECK-LABEL: <no_result>
// CHECK:      callq {{.*}}none
// CHECK-NEXT: safe   cfa=rsp+48{{ +}}movb $0x2
int no_result(int x) {
  volatile char bytes[32];
  bytes[x] = 1;
  const int result = none(x);
  bytes[1] = 2;
  return result;
}
