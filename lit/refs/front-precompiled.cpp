// Layouts whose use, or whose type alone, comes from a precompiled header or a module.
// RUN: rm -rf %t && split-file %s %t
// RUN: %sp-clangxx -std=c++20 -O1 -I%include -x c++-header -o %t/types.pch %t/types.h
// RUN: %sp-clangxx -std=c++20 -O1 -I%include -include-pch %t/types.pch -S -emit-llvm -o - %t/use.cpp | FileCheck %s
// RUN: %sp-clangxx -std=c++20 -O1 -I%include -fpch-instantiate-templates -x c++-header -o %t/early.pch %t/types.h
// RUN: %sp-clangxx -std=c++20 -O1 -I%include -include-pch %t/early.pch -S -emit-llvm -o - %t/use.cpp | FileCheck %s
// RUN: %sp-clangxx -std=c++20 -O1 -I%include --precompile -o %t/types.pcm %t/types.cppm
// RUN: %sp-clangxx -std=c++20 -O1 -I%include -fmodule-file=types=%t/types.pcm -S -emit-llvm -o - %t/import.cpp | FileCheck %s
// CHECK-DAG: layout_of{{.*}}Used{{.*}}5valueE = linkonce_odr hidden global {{.*}} { i32 1, i32 16, i32 8, i32 1, ptr @{{[^,]*}}, i64 2,
// CHECK-DAG: layout_of{{.*}}Later{{.*}}5valueE = linkonce_odr hidden global {{.*}} { i32 1, i32 24, i32 8, i32 1, ptr @{{[^,]*}}, i64 4,
// CHECK-NOT: need_the_compiler_plugin

//--- types.h
#include <stillpoint/gc.hpp>
struct Used { long A; stillpoint::gc::ref<int> B; };
struct Later { long A[2]; stillpoint::gc::ref<int> B; };
inline stillpoint::gc::ref<Used> used() { return stillpoint::gc::make<Used>(); }

//--- use.cpp
stillpoint::gc::ref<Used> first() { return used(); }
stillpoint::gc::ref<Later> second() { return stillpoint::gc::make<Later>(); }

//--- types.cppm
module;
#include <stillpoint/gc.hpp>
export module types;
export struct Used { long A; stillpoint::gc::ref<int> B; };
export struct Later { long A[2]; stillpoint::gc::ref<int> B; };
export inline stillpoint::gc::ref<Used> used() { return stillpoint::gc::make<Used>(); }

//--- import.cpp
#include <stillpoint/gc.hpp>
import types;
stillpoint::gc::ref<Used> first() { return used(); }
stillpoint::gc::ref<Later> second() { return stillpoint::gc::make<Later>(); }
