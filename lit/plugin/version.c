// A program with another LLVM: loading ends with both versions. The program is this one: it exports what the plugin looks for.
// RUN: %clang -rdynamic %s -o %t -ldl
// RUN: not %t %plugin 2>&1 | FileCheck %s
// RUN: %clang -rdynamic -DOLD %s -o %t.old -ldl
// RUN: not %t.old %plugin 2>&1 | FileCheck %s --check-prefix=OLD

// CHECK: error: the plugin 'stillpoint' is built for LLVM 22.1 and was loaded into a program that uses LLVM 99.7.3 ({{.*}}version.c.tmp)
// CHECK-NOT: loaded
// OLD: error: the plugin 'stillpoint' is built for LLVM 22.1 and was loaded into a program that uses another LLVM ({{.*}}version.c.tmp.old)
#include <dlfcn.h>
#include <stdio.h>

void *LLVMContextCreate(void) { return 0; }
#ifndef OLD
void LLVMGetVersion(unsigned *Major, unsigned *Minor, unsigned *Patch) { *Major = 99, *Minor = 7, *Patch = 3; }
#endif

int main(int Count, char **Arguments) {
  (void)Count;
  if (!dlopen(Arguments[1], RTLD_LAZY | RTLD_GLOBAL)) {
    puts(dlerror());
    return 0;
  }
  puts("loaded");
  return 0;
}
