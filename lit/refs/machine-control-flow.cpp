// References over control flow that is not plain: jump tables, computed goto, shrink-wrapped prologues, cold code split off, ThinLTO. Over each call the
// one that is used behind it is listed.
// RUN: rm -rf %t && mkdir %t
// RUN: %sp-clangxx -std=c++20 -O2 -I %include -c %s -o %t/plain.o && %sp-objdump --check %t/plain.o && %sp-objdump %t/plain.o | FileCheck %s
// RUN: %sp-clangxx -std=c++20 -O2 -fPIC -fno-plt -I %include -c %s -o %t/pic.o && %sp-objdump --check %t/pic.o && %sp-objdump %t/pic.o | FileCheck %s
// RUN: %sp-clangxx -std=c++20 -O2 -I %include -mllvm -hot-cold-split=true -mllvm -hotcoldsplit-threshold=-100 -c %s -o %t/split.o && %sp-objdump --check %t/split.o
// RUN: %sp-objdump %t/split.o | FileCheck %s --check-prefix=SPLIT
// RUN: %sp-clangxx -std=c++20 -O2 -flto=thin -I %include -c %s -o %t/thin.o
// RUN: %lld -shared --load-pass-plugin=%plugin %t/thin.o -o %t/thin.so && %sp-objdump --check %t/thin.so && %sp-objdump %t/thin.so | FileCheck %s
#include <stillpoint/gc.hpp>

struct node {
  int value;
};
using ref = stillpoint::gc::ref<node>;
extern "C" int one();
extern "C" int two();
extern "C" int three();
extern "C" int four();
extern "C" int five();
extern "C" [[gnu::cold]] int rare(int);

// CHECK-LABEL: <jump_table>
// CHECK: =ref{{.*}} jmpq *
// CHECK-COUNT-5: =ref{{.*}} callq
extern "C" int jump_table(ref n, int choice) {
  switch (choice) {
  case 0:
    return one() + n->value;
  case 1:
    return two() - n->value;
  case 2:
    return three() * n->value;
  case 3:
    return four() | n->value;
  case 4:
    return five() ^ n->value;
  }
  return 0;
}

// CHECK-LABEL: <computed_goto>
// CHECK: =ref{{.*}} jmpq *
// CHECK: =ref{{.*}} callq
extern "C" int computed_goto(ref n, const unsigned char *code) {
  static const void *const labels[] = {&&add, &&call, &&end};
  int sum = 0;
  goto *labels[*code];
add:
  sum += n->value;
  goto *labels[*++code];
call:
  sum += one();
  goto *labels[*++code];
end:
  return sum + n->value;
}

// Before the prologue the argument's register has it.
// CHECK-LABEL: <shrink_wrapped>
// CHECK: rdi=ref{{.*}} {{test|cmp}}
// CHECK: pushq
// CHECK: =ref{{.*}} callq
extern "C" int shrink_wrapped(ref n, int often) {
  if (often != 0) [[likely]]
    return n->value;
  return one() + n->value;
}

// SPLIT-LABEL: <hot>
// SPLIT: <hot.cold.1>
// SPLIT: =ref{{.*}} callq
extern "C" int hot(ref n, int seldom) {
  if (seldom == 7) [[unlikely]] {
    rare(1);
    rare(n->value);
    return rare(n->value + 1) + n->value;
  }
  return n->value;
}
