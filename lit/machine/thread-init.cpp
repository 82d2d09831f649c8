// Dynamically initialised thread-local variables: between the check whether this thread's are initialised and their use the task must not go
// on on another thread, where they may not be. Not inside the initialising function either.
// RUN: %sp-clangxx -std=c++20 -O2 -c %s -o %t.o
// RUN: %sp-objdump --function="own_variable()" %t.o | FileCheck %s --check-prefix=OWN
// RUN: %sp-objdump --function="others_variable()" %t.o | FileCheck %s --check-prefix=OTHERS
// RUN: %sp-objdump --function="local_variable()" %t.o | FileCheck %s --check-prefix=LOCAL
// RUN: %sp-clangxx -std=c++20 -O2 -fPIC -c %s -o %t.pic.o
// RUN: %sp-objdump --function="own_variable()" %t.pic.o | FileCheck %s --check-prefix=PIC

struct cell {
  unsigned long n;
  cell() noexcept;
};
extern thread_local cell others;
thread_local cell own;

// OWN-LABEL: <own_variable()>
// OWN:      safe   {{.*}} cmpb $0x0, %fs:
// OWN-NEXT: pinned {{.*}} j{{n?}}e
// OWN-NOT:  safe
// OWN:      pinned {{.*}} retq
// PIC-LABEL: <own_variable()>
// PIC:      pinned {{.*}} callq {{.*}} <_ZTH3own>
// PIC:      pinned {{.*}} retq
unsigned long own_variable() { return own.n; }

// OTHERS-LABEL: <others_variable()>
// OTHERS:      pinned {{.*}} callq {{.*}} <_ZTH6others>
// OTHERS-NEXT: pinned
// OTHERS:      pinned {{.*}} retq
unsigned long others_variable() { return others.n; }

// LOCAL-LABEL: <local_variable()>
// LOCAL:      safe   {{.*}} cmpb $0x0, %fs:
// LOCAL-NEXT: pinned {{.*}} j{{n?}}e
// LOCAL:      pinned {{.*}} retq
unsigned long local_variable() {
  thread_local cell local;
  return local.n;
}
