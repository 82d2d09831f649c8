// A loop that stores references and calls nothing is there twice: in its place without the checks of write barriers, entered behind one check, and as it was
// at the end. No stop is allowed between that check and the copy without; the others have the states of their counterparts.
// REQUIRES: runtime
// RUN: %sp-clangxx -std=c++20 -I%include -O2 -fno-unroll-loops -S %s -o - | FileCheck %s
// RUN: %sp-clangxx -std=c++20 -I%include -O2 -fno-unroll-loops -c %s -o %t.o -mllvm -verify-machineinstrs
// RUN: %sp-objdump --check %t.o
// RUN: %sp-verify %t.o
// RUN: %sp-objdump --function=shift %t.o | FileCheck %s --check-prefix=POINTS
// RUN: %sp-clangxx -std=c++20 -I%include -O3 -g -fPIC -c %s -o %t.g.o && %sp-verify %t.g.o
// RUN: %sp-clangxx -std=c++20 -I%include -O2 -fno-pic -fplugin-arg-stillpoint-liveness=full -c %s -o %t.full.o && %sp-verify %t.full.o
//
// Not where it is not wanted, or cannot be relied on: the copies would differ by the padding of branches.
// RUN: %sp-clangxx -std=c++20 -I%include -O1 -S %s -o - | FileCheck %s --check-prefix=NONE
// RUN: %sp-clangxx -std=c++20 -I%include -Os -S %s -o - | FileCheck %s --check-prefix=NONE
// RUN: %sp-clangxx -std=c++20 -I%include -O2 -fplugin-arg-stillpoint-unchecked-copies=off -S %s -o - | FileCheck %s --check-prefix=NONE
// RUN: %sp-clangxx -std=c++20 -I%include -O2 -mllvm -stillpoint-unchecked-copies=off -S %s -o - | FileCheck %s --check-prefix=NONE
// RUN: %sp-clangxx -std=c++20 -I%include -O2 -mbranches-within-32B-boundaries -c %s -o %t.padded.o
// RUN: llvm-readelf -S %t.padded.o | FileCheck %s --check-prefix=NONE
// RUN: %sp-clangxx -std=c++20 -I%include -O2 -fno-integrated-as -S %s -o - | FileCheck %s --check-prefix=NONE
// NONE-NOT: {{(\.section[[:space:]]+|\] )}}stillpoint_copies
#include <stillpoint/gc.hpp>

struct node {
  stillpoint::gc::ref<node> next;
  unsigned long key;
};
using node_ref = stillpoint::gc::ref<node>;

void called();

// CHECK-LABEL: shift:
// CHECK:         cmpb $0, [[FLAG:.*marking]](%rip)
// CHECK-NEXT:  .Lstillpoint_unsafe{{.*}}:
// CHECK-NEXT:    jne [[CHECKED:.LBB.*]]
// CHECK-NOT:     [[FLAG]]
// CHECK:         movq 8([[FROM:.*]]), [[TO:%r.*]]
// CHECK-NOT:     [[FLAG]]
// CHECK:         retq
// CHECK:       [[CHECKED]]:
// CHECK:         movq 8([[FROM]]), [[TO]]
// CHECK:         cmpb $0, [[FLAG]](%rip)
// CHECK-NEXT:    jne
// CHECK:       .Lfunc_end0:
//
// POINTS-LABEL: <shift>
// POINTS:       safe {{.*}} cmpb
// POINTS-NEXT:  unsafe {{.*}} jne
// POINTS:       safe
// POINTS-NOT:   unsafe
extern "C" void shift(node_ref *from, unsigned long count) {
  for (unsigned long i = 0; i < count; ++i)
    from[i] = from[i + 1];
}

// One check, as often as the function is called: nothing to be had.
// CHECK-LABEL: set:
// CHECK:         cmpb $0, [[FLAG]](%rip)
// CHECK-NOT:     [[FLAG]]
// CHECK:       .Lfunc_end1:
extern "C" void set(node_ref at, node_ref to) { at->next = to; }

// A loop that calls is left as it is; its part between two calls has two checks.
// CHECK-LABEL: calls:
// CHECK-COUNT-1: cmpb $0, [[FLAG]](%rip)
// CHECK-NOT:     [[FLAG]]
// CHECK:       .Lfunc_end2:
extern "C" void calls(node_ref *at, unsigned long count) {
  for (unsigned long i = 0; i < count; ++i) {
    at[i] = at[i + 1];
    called();
  }
}

// CHECK: .section stillpoint_copies_v[[#V]],"ao",@progbits,.text
