// The address of errno is a thread-local one, called directly, through the GOT, or through a hoisted function pointer.
// REQUIRES: objdump
// RUN: %sp-clang -O2 -c %s -o %t.o && %sp-objdump --check %t.o && %sp-objdump %t.o | FileCheck %s
// RUN: %sp-clang -O2 -fPIC -fno-plt -c %s -o %t.noplt.o && %sp-objdump --check %t.noplt.o && %sp-objdump %t.noplt.o | FileCheck %s
// RUN: %sp-clang -O2 -mcmodel=large -c %s -o %t.large.o && %sp-objdump --check %t.large.o && %sp-objdump %t.large.o | FileCheck %s
#include <errno.h>

int attempt(int);
// CHECK: <retry>
// CHECK: callq
// CHECK: pinned {{.*}}cmpl $0x4, (%
int retry(int n) {
  int r;
  do
    r = attempt(n);
  while (r < 0 && errno == EINTR);
  return r;
}
