// A landing pad that only assembly leads to (the clobber "unwind"): what it reads is listed there, and an unsafe region goes on in it.
// REQUIRES: objdump
// RUN: %sp-clangxx -std=c++20 -O2 -I%include -c %s -o %t.o && %sp-objdump --check %t.o && %sp-verify %t.o && %sp-objdump %t.o | FileCheck %s
#include <stillpoint/gc.hpp>
namespace gc = stillpoint::gc;
struct node {
  long value;
};
void look() noexcept;
gc::ref<node> load() noexcept;
void tell(long) noexcept;

// CHECK: <caught
// CHECK: unsafe {{.*}}callq {{.*}}may_throw
// CHECK: rbx=ref {{.*}}callq {{.*}}__cxa_begin_catch
// CHECK: rbx=ref {{.*}}callq {{.*}}look
// CHECK: rbx=ref {{.*}}movq (%rbx), %rdi
void caught() {
  const gc::ref<node> r = load();
  try {
    asm volatile("call may_throw" ::: "unwind", "rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "memory");
  } catch (...) {
    look();
    tell(r->value);
  }
}

// CHECK: <region
// CHECK: unsafe {{.*}}callq {{.*}}__cxa_begin_catch
// CHECK-NEXT: unsafe {{.*}}callq {{.*}}look
// CHECK-NEXT: unsafe {{.*}}callq {{.*}}__cxa_end_catch
void region() {
  [[stillpoint::unsafe_region]] {
    try {
      asm volatile("call may_throw" ::: "unwind", "rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "memory");
    } catch (...) {
      look();
    }
  }
}
