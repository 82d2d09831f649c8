// nosplit as a function attribute: in every form of function, at every level, with noinline; nothing of the annotation is left.
// RUN: %sp-clangxx -std=c++23 -O0 -S -emit-llvm %s -o %t.0.ll
// RUN: %sp-clangxx -std=c++23 -O2 -S -emit-llvm %s -o %t.2.ll
// RUN: %sp-clangxx -std=c++23 -O3 -flto=thin -c %s -o %t.bc && llvm-dis %t.bc -o %t.3.ll
// RUN: %sp-clangxx -std=c++23 -O2 -Xclang -disable-llvm-passes -S -emit-llvm %s -o %t.raw.ll
// RUN: opt -load-pass-plugin=%passes -passes='default<O2>' %t.raw.ll -S -o %t.4.ll
// RUN: cat %t.0.ll | %python %S/Inputs/functions.py noinline stillpoint-nosplit | FileCheck %s --check-prefixes=CHECK,SPLIT
// RUN: cat %t.2.ll | %python %S/Inputs/functions.py noinline stillpoint-nosplit | FileCheck %s --check-prefixes=CHECK,SPLIT
// RUN: cat %t.3.ll | %python %S/Inputs/functions.py noinline stillpoint-nosplit | FileCheck %s
// RUN: cat %t.4.ll | %python %S/Inputs/functions.py noinline stillpoint-nosplit | FileCheck %s --check-prefixes=CHECK,SPLIT
// RUN: cat %t.0.ll %t.2.ll %t.3.ll %t.4.ll | FileCheck %s --check-prefix=NOTHING
//
// With -save-temps, IR without any pass is written by one process and optimised by another.
// RUN: mkdir -p %t.dir && cd %t.dir && %sp-clangxx -std=c++23 -O2 -save-temps -c %s -o saved.o
// RUN: llvm-objdump -dr --no-show-raw-insn --disassemble-symbols=flat saved.o | FileCheck %s --check-prefix=SAVED
// SAVED: R_X86_64_PLT32 defined
//
// Other annotations stay, in their order.
// RUN: %sp-clangxx -std=c++23 -O1 -DOTHER -S -emit-llvm %s -o - | FileCheck %s --check-prefix=OTHER

// NOTHING-NOT: llvm.global.annotations
// NOTHING-NOT: stillpoint::nosplit

// CHECK-DAG: {{^}}declared noinline stillpoint-nosplit{{$}}
// CHECK-DAG: {{^}}defined noinline stillpoint-nosplit{{$}}
// CHECK-DAG: {{^}}_Z9in_headerv noinline stillpoint-nosplit{{$}}
// CHECK-DAG: {{^}}_Z4madeIiET_S0_ noinline stillpoint-nosplit{{$}}
// CHECK-DAG: {{^}}_ZN5ClassC2Ev noinline stillpoint-nosplit{{$}}
// CHECK-DAG: {{^}}_ZN5ClassD2Ev noinline stillpoint-nosplit{{$}}
// CHECK-DAG: {{^}}_ZN5Class6methodEv noinline stillpoint-nosplit{{$}}
// CHECK-DAG: {{^}}_ZZ6callerENK3$_0clEv noinline stillpoint-nosplit{{$}}
// CHECK-DAG: {{^}}_ZZ6callerENK3$_1clEv noinline stillpoint-nosplit{{$}}
// CHECK-DAG: {{^}}_Z9coroutinev{{.*}} stillpoint-nosplit{{$}}
// SPLIT-DAG: {{^}}_Z9coroutinev.resume{{.*}} stillpoint-nosplit{{$}}
// CHECK-DAG: {{^}}caller{{( noinline)?$}}
// CHECK-DAG: {{^}}forced{{( noinline)?$}}
#include "../plugin/Inputs/coroutine.h"

volatile int Source;

#ifdef OTHER
// OTHER: @llvm.global.annotations = appending global [2 x { ptr, ptr, ptr, i32, ptr }] [{ ptr, ptr, ptr, i32, ptr } { ptr @before, {{.*}} { ptr @behind,
extern "C" [[clang::annotate("mine")]] int before() { return Source; }
#endif

extern "C" [[stillpoint::nosplit]] int declared();
extern "C" int declared() { return Source; }
extern "C" [[stillpoint::nosplit]] int defined() { return Source; }
[[stillpoint::nosplit]] inline int in_header() { return Source; }
template <class T> [[stillpoint::nosplit]] T made(T Value) { return Value + Source; }
template int made(int);

struct Class {
  [[stillpoint::nosplit]] Class();
  [[stillpoint::nosplit]] virtual ~Class();
  [[stillpoint::nosplit]] static int method() { return Source; }
};
Class::Class() { Source = 1; }
Class::~Class() { Source = 2; }

extern "C" int caller() {
  auto Cxx = [] [[stillpoint::nosplit]] () { return Source + 1; };
  auto Gnu = []() __attribute__((stillpoint_nosplit)) { return Source + 2; };
  return declared() + defined() + in_header() + Class::method() + Cxx() + Gnu();
}

// What is made of a coroutine is as unsafe as the whole.
[[stillpoint::nosplit]] Task coroutine() {
  Source = 3;
  co_await Awaiter();
  Source = 4;
}

// A call that asks to be inlined, and a caller that inlines all it can, do not get it.
extern "C" int forced() {
  int Result;
  [[clang::always_inline]] Result = defined();
  return Result;
}
extern "C" [[gnu::flatten]] int flat() { return defined(); }

#ifdef OTHER
extern "C" [[clang::annotate("mine too")]] int behind() { return Source; }
#endif
