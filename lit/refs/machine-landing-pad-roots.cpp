// The stack roots are set to null by a call of memset, in the block that has the first call that may throw: at its landing pad they are listed all the same.
// REQUIRES: objdump
// RUN: %sp-clangxx -std=c++20 -O0 -I%include -c %s -o %t.o && %sp-objdump --check %t.o && %sp-objdump %t.o | FileCheck %s
// RUN: %sp-clangxx -std=c++20 -O2 -I%include -c %s -o %t.o && %sp-objdump --check %t.o && %sp-objdump %t.o | FileCheck %s
#include <stillpoint/gc.hpp>
namespace gc = stillpoint::gc;
struct node {
  long value;
};
void fill(gc::ref<node> *);
void look();

// CHECK: <caught
// CHECK: callq {{.*}}memset
// CHECK: root*40{{.*}}callq {{.*}}fill
// CHECK: root*40{{.*}}callq {{.*}}__cxa_begin_catch
// CHECK: root*40{{.*}}callq {{.*}}look
// CHECK: root*40{{.*}}callq {{.*}}__cxa_end_catch
long caught() {
  gc::ref<node> many[40];
  try {
    fill(many);
  } catch (...) {
    look();
  }
  return many[3]->value;
}
