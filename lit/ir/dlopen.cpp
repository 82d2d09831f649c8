// A shared object that is opened and closed registers and unregisters its own tables, each time.
// RUN: rm -rf %t && split-file %s %t && cd %t
// RUN: %clang -O1 -DTABLE_VERSION=%tables -c %S/Inputs/runtime.c -o runtime.o
// RUN: %sp-clangxx -O2 -fPIC -shared plugged.cpp -o plugged.so
// RUN: %sp-clangxx -O2 -fPIC -shared -fuse-ld=lld plugged.cpp -o plugged.lld.so
// RUN: %sp-clangxx -O2 -rdynamic main.cpp runtime.o -o main
// RUN: ./main ./plugged.so | FileCheck main.cpp
// RUN: ./main ./plugged.lld.so | FileCheck main.cpp

//--- plugged.cpp
extern "C" int plugged(int N) {
  int S = 0;
  for (int I = 0; I < N; ++I)
    S ^= I * N;
  return S;
}

//--- main.cpp
// CHECK: register module 1: sound, tables
// CHECK: opening
// CHECK-NEXT: register module 2: sound, tables
// CHECK: closing
// CHECK-NEXT: unregister module
// CHECK-NEXT: opening
// CHECK-NEXT: register module 3: sound, tables
// CHECK: closing
// CHECK-NEXT: unregister module
// CHECK-NEXT: end
// CHECK-NEXT: unregister module
// CHECK-NOT: register
#include <cstdio>
#include <dlfcn.h>
int main(int, char **Arguments) {
  for (int I = 0; I < 2; ++I) {
    puts("opening");
    void *Handle = dlopen(Arguments[1], RTLD_NOW);
    if (!Handle)
      return puts(dlerror()), 1;
    auto *F = reinterpret_cast<int (*)(int)>(dlsym(Handle, "plugged"));
    if (F(1) != 0)
      return 1;
    puts("closing");
    dlclose(Handle);
  }
  puts("end");
}
