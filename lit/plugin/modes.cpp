// Everything that a compiler does besides object files works, and says nothing.
// RUN: rm -rf %t && split-file %s %t && cd %t
// RUN: %sp-clangxx -Werror -fsyntax-only a.cpp 2>&1 | count 0
// RUN: %sp-clangxx -Werror -E a.cpp 2>&1 -o /dev/null | count 0
// RUN: %sp-clangxx -Werror -M a.cpp -MF a.d 2>&1 | count 0
// RUN: %sp-clangxx -Werror -emit-llvm -c a.cpp -o a.bc 2>&1 | count 0
// RUN: %sp-clangxx -Werror -S a.cpp -o a.s 2>&1 | count 0
// RUN: %sp-clangxx -Werror -Xclang -ast-dump -fsyntax-only a.cpp > a.txt 2>&1
// RUN: %sp-clangxx -Werror --analyze a.cpp -o a.plist 2>&1 | count 0
//
// Attributes survive precompiled headers, modules and bitcode that saw no pipeline.
// RUN: %sp-clangxx -x c++-header h.h -O1 -o h.pch 2>&1 | count 0
// RUN: %sp-clangxx -include-pch h.pch use.cpp -O1 -S -emit-llvm -o - | FileCheck a.cpp
// RUN: %sp-clangxx -std=c++20 --precompile m.cppm -O1 -o m.pcm 2>&1 | count 0
// RUN: %sp-clangxx -std=c++20 -DMODULE -fmodule-file=m=m.pcm use.cpp -O1 -S -emit-llvm -o - | FileCheck a.cpp
// RUN: %sp-clangxx -std=c++20 -c m.pcm -o m.o 2>&1 | count 0
// RUN: %sp-clangxx -include h.h use.cpp -O1 -Xclang -disable-llvm-passes -S -emit-llvm -o raw.ll
// RUN: FileCheck a.cpp --check-prefix=RAW < raw.ll
// RUN: %sp-clangxx -O1 -c raw.ll -o raw.o 2>&1 | count 0
// RUN: llvm-nm raw.o | FileCheck a.cpp --check-prefix=LOWERED
// RUN: llc -load=%plugin raw.ll -filetype=obj -o llc.o
// RUN: llvm-nm llc.o | FileCheck a.cpp --check-prefix=LOWERED

//--- a.cpp
// CHECK-DAG: "#stillpoint.unsafe.begin"
// CHECK-DAG: "#stillpoint.unsafe.end"
// CHECK-DAG: "stillpoint-nosplit"
// RAW: __stillpoint_unsafe_begin
// LOWERED-NOT: __stillpoint_unsafe
inline int f(int N) { return N; }
int main(int Count, char **) { return f(Count); }

//--- h.h
extern "C" void g(int);
inline int region(int N) {
  [[stillpoint::unsafe_region]] {
    if (N)
      return 3;
    g(N);
  }
  return 1;
}
template <class T> T region_template(T N) {
  [[stillpoint::unsafe_region]] { g(N); }
  return 1;
}
[[stillpoint::nosplit]] inline int nosplit(int A) { return A * A; }

//--- m.cppm
module;
extern "C" void g(int);
export module m;
export inline int region(int N) {
  [[stillpoint::unsafe_region]] { g(N); }
  return 1;
}
export template <class T> T region_template(T N) {
  [[stillpoint::unsafe_region]] { g(N); }
  return 1;
}
export [[stillpoint::nosplit]] inline int nosplit(int A) { return A * A; }

//--- use.cpp
// identity: skip (the attributes are in the header)
#ifdef MODULE
import m;
#endif
long use() { return region(1) + region_template(2L) + nosplit(3); }
