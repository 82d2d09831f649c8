// A realigned frame whose arguments are pushed: its references are reached from RBX, which stands still, so that the call can be described.
// REQUIRES: objdump
// RUN: %sp-clangxx -std=c++20 -Os -I%include -c %s -o %t.o && %sp-objdump --check %t.o && %sp-objdump %t.o | FileCheck %s
#include <stillpoint/gc.hpp>
namespace gc = stillpoint::gc;
struct node {
  long value;
};
using ref = gc::ref<node>;
void fill(void *, ref *);
void numbers(long, long, long, long, long, long, long, long, long);

// CHECK: <realigned
// CHECK-NEXT: frame cfa=rbp+16
// CHECK: andq $-0x40, %rsp
// CHECK: movq %rsp, %rbx
// CHECK: safe cfa=rbp+16 {{.*}}{{\[rbx\]=root\*2}} {{.*}}pushq
// CHECK: safe cfa=rbp+16 {{.*}}{{\[rbx\]=root\*2}} {{.*}}callq {{.*}}numbers
// CHECK: safe cfa=rbp+16 {{.*}}{{\[rbx\]=root\*2}} {{.*}}addq
// Without references nothing is different.
// CHECK: <plain
// CHECK-NOT: movq %rsp, %rbx
// CHECK: retq
long realigned(ref a, ref b) {
  alignas(64) ref both[2] = {a, b};
  fill(both, both);
  numbers(1, 2, 3, 4, 5, 6, a->value, b->value, 7);
  return both[0]->value;
}

long plain(long a) {
  alignas(64) long values[2] = {a, a};
  fill(values, nullptr);
  numbers(1, 2, 3, 4, 5, 6, values[0], values[1], 7);
  return values[0];
}
