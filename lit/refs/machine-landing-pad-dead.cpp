// In the block of a call that may throw, calls that throw nothing have gone before, and a register has held a reference that is dead by now. What the
// landing pad reads of that register is what the call left in it: neither there nor in front of where that is written is it listed.
// REQUIRES: objdump
// RUN: %sp-clangxx -std=c++20 -O2 -I%include -c %s -o %t.o && %sp-objdump --check %t.o && %sp-verify %t.o && %sp-objdump %t.o | FileCheck %s
// RUN: %sp-clangxx -std=c++20 -O2 -I%include -fplugin-arg-stillpoint-liveness=full -c %s -o %t.live.o && %sp-verify %t.live.o && %sp-objdump %t.live.o | FileCheck --check-prefixes=CHECK,LIVE %s
#include <stillpoint/gc.hpp>
namespace gc = stillpoint::gc;
struct node {
  long value;
  node *raw;
};
struct other;
void look() noexcept;
void tell(long) noexcept;
other *make() noexcept;
void may_throw(other *);
void destroy(other *) noexcept;

// CHECK: <caught
// CHECK: rbx=ref{{.*}}callq {{.*}}look
// CHECK: callq {{.*}}tell
// CHECK-NOT: rbx=ref
// CHECK: callq {{.*}}make
// CHECK-NOT: rbx=ref
// LIVE: live=rax,rsp,{{.*}}movq %rax, %rbx
// LIVE-NEXT: live=rax,rbx,rsp,
// CHECK-NOT: rbx=ref
// CHECK: callq {{.*}}may_throw
// CHECK-NOT: rbx=ref
// CHECK: callq {{.*}}destroy
// CHECK-NOT: rbx=ref
void caught(gc::ref<node> r) {
  look();
  tell(r->value);
  other *const o = make();
  try {
    may_throw(o);
  } catch (...) {
    destroy(o);
  }
}
