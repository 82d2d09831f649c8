// C has both attributes in GNU's and in C23's spelling, without a word in either mode.
// RUN: %sp-clang -std=c23 -Wall -Wextra -Wpedantic -Werror -O1 -S -emit-llvm %s -o - | FileCheck %s
// RUN: %sp-clang -std=c17 -DGNU_ONLY -Wall -Wextra -Werror -O1 -S -emit-llvm %s -o - | FileCheck %s

#ifdef GNU_ONLY
#define NOSPLIT __attribute__((stillpoint_nosplit))
#define REGION __attribute__((stillpoint_unsafe_region))
#else
#define NOSPLIT [[stillpoint::nosplit]]
#define REGION [[stillpoint::unsafe_region]]
#endif

void g(void);

// CHECK: define {{.*}} @nosplit({{.*}}) {{.*}}[[NOSPLIT:#[0-9]+]]
NOSPLIT int nosplit(int X) { return X; }

// CHECK: define {{.*}} @region(
// CHECK: "#stillpoint.unsafe.begin"
// CHECK: @g
// CHECK: "#stillpoint.unsafe.end"
int region(int X) {
  REGION {
    if (X)
      return 1;
    g();
  }
  return 2;
}

// CHECK: attributes [[NOSPLIT]] = {{{.*}}noinline{{.*}}"stillpoint-nosplit"
