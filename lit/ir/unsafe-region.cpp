// An unsafe region ends on every way out of it, once: counted while the program runs, by turning the markers into calls.
// RUN: rm -rf %t && mkdir %t && cd %t
// RUN: %sp-clangxx -std=c++20 -O0 -Xclang -disable-O0-optnone -S -emit-llvm %s -o 0.ll
// RUN: %sp-clangxx -std=c++20 -O1 -S -emit-llvm %s -o 1.ll
// RUN: %sp-clangxx -std=c++20 -O2 -S -emit-llvm %s -o 2.ll
// RUN: %sp-clangxx -std=c++20 -O3 -S -emit-llvm %s -o 3.ll
// RUN: cat 0.ll 1.ll 2.ll 3.ll | FileCheck %s --check-prefix=NOTHING
// RUN: %python %S/Inputs/count_markers.py 0.ll c0.ll && %clangxx -Wno-override-module c0.ll -o c0 && ./c0 | FileCheck %s
// RUN: %python %S/Inputs/count_markers.py 1.ll c1.ll && %clangxx -Wno-override-module c1.ll -o c1 && ./c1 | FileCheck %s
// RUN: %python %S/Inputs/count_markers.py 2.ll c2.ll && %clangxx -Wno-override-module c2.ll -o c2 && ./c2 | FileCheck %s
// RUN: %python %S/Inputs/count_markers.py 3.ll c3.ll && %clangxx -Wno-override-module c3.ll -o c3 && ./c3 | FileCheck %s

// NOTHING-NOT: __stillpoint_unsafe
#include <cstdio>

extern "C" {
int Depth;
void count_begin() { ++Depth; }
void count_end() { --Depth; }
}

static void report(const char *Where) { printf("%s %d\n", Where, Depth); }
volatile int Source = 1;

static int by_return(int N) {
  [[stillpoint::unsafe_region]] {
    if (N == Source)
      return 7;
    report("inside");
  }
  return 8;
}

static void by_loop_exits() {
  for (int I = 0; I < 3; ++I) {
    [[stillpoint::unsafe_region]] {
      if (I == Source)
        continue;
      if (I == Source + 1)
        break;
      report("first turn");
    }
    report("behind");
  }
}

static void by_goto() {
again:
  [[stillpoint::unsafe_region]] {
    if (Source == 1) {
      Source = 2;
      goto again;
    }
    if (Source == 2)
      goto out;
  }
out:
  Source = 1;
}

static void may_throw() {
  if (Source)
    throw 1;
}

static void by_exception() {
  [[stillpoint::unsafe_region]] {
    try {
      may_throw();
    } catch (int) {
      report("caught inside");
    }
    may_throw();
  }
}

template <class T> static T in_template(T Value) {
  [[stillpoint::unsafe_region]] {
    report("template");
    return Value + Source;
  }
}

static void nested() {
  [[stillpoint::unsafe_region]] {
    report("outer");
    [[stillpoint::unsafe_region]] { report("inner"); }
    report("outer again");
    auto Lambda = [](auto Value) {
      [[stillpoint::unsafe_region]] {
        if (Value)
          return 1;
      }
      return 2;
    };
    Lambda(Source);
    if (in_template(1))
      report("still outer");
  }
}

struct Object {
  ~Object() { report("destructor inside"); }
};

static int value_of_scope() {
  [[stillpoint::unsafe_region]] {
    Object Local;
    return Source;
  }
}

int main() {
  report("start"); // CHECK: start 0
  by_return(1);
  report("returned"); // CHECK-NEXT: returned 0
  by_return(2);       // CHECK-NEXT: inside 1
  report("passed");   // CHECK-NEXT: passed 0
  by_loop_exits();    // CHECK-NEXT: first turn 1
                      // CHECK-NEXT: behind 0
  report("looped");   // CHECK-NEXT: looped 0
  by_goto();
  report("jumped"); // CHECK-NEXT: jumped 0
  try {
    by_exception(); // CHECK-NEXT: caught inside 1
  } catch (int) {
    report("caught"); // CHECK-NEXT: caught 0
  }
  nested(); // CHECK-NEXT: outer 1
            // CHECK-NEXT: inner 2
            // CHECK-NEXT: outer again 1
            // CHECK-NEXT: template 2
            // CHECK-NEXT: still outer 1
  report("nested");        // CHECK-NEXT: nested 0
  in_template(2L);         // CHECK-NEXT: template 1
  value_of_scope();        // CHECK-NEXT: destructor inside 1
  report("end");           // CHECK-NEXT: end 0
}
