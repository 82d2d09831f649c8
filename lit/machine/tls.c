// An access through %fs itself is safe; a thread-local address in a register pins its stretch; a call that computes one is unsafe inside.
// REQUIRES: objdump
// RUN: %sp-clang -O2 -c %s -o %t.o && %sp-objdump --check %t.o && %sp-objdump %t.o | FileCheck %s --check-prefixes=CHECK,EXEC
// RUN: %sp-clang -O2 -fPIC -c %s -o %t.pic.o && %sp-objdump --check %t.pic.o && %sp-objdump %t.pic.o | FileCheck %s --check-prefixes=CHECK,PIC
// RUN: %sp-clang -O2 -fPIC -mtls-dialect=gnu2 -c %s -o %t.desc.o && %sp-objdump %t.desc.o | FileCheck %s --check-prefixes=CHECK,PIC

_Thread_local int counter;
_Thread_local int array[100];
void other(void), use(int *);

// CHECK: <bump>
// EXEC: safe {{.*}}%fs:
// EXEC-NEXT: safe {{.*}}ret
// EXEC-NOT: pinned
// PIC: unsafe {{.*}}callq
// PIC: pinned
// CHECK: <hoisted>
void bump(void) { ++counter; }

// The address stays in a register across the call.
// CHECK: pinned {{.*}}callq {{.*}}<other>
// CHECK: <passed>
void hoisted(int n, int k) {
  int *p = &array[k];
  __asm__("" : "+r"(p));
  for (int i = 0; i < n; ++i) {
    ++*p;
    other();
  }
}

// The callee works with the address: the call is pinned, what follows is not.
// CHECK: pinned {{.*}}callq {{.*}}<use>
// CHECK: safe {{.*}}callq {{.*}}<other>
void passed(int k) {
  use(&array[k]);
  other();
  other();
}
