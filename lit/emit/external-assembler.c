// GNU as accepts the tables and makes the same code and the same answers of them.
// REQUIRES: objdump, gnu-as
// RUN: %sp-clang -O2 -fno-integrated-as -c %s -o %t.gnu.o && %sp-objdump --check %t.gnu.o && %sp-objdump %t.gnu.o | FileCheck %s
// RUN: %sp-clang -O2 -c %s -o %t.llvm.o && %sp-objdump --check %t.llvm.o && %sp-objdump %t.llvm.o | FileCheck %s

int other(int);
// CHECK: <calls>
// CHECK: safe cfa=rsp+8 vec pushq
// CHECK: safe {{.*}}callq {{.*}}<other>
// CHECK: safe cfa=rsp+8 vec retq
int calls(int n) {
  int s = 0;
  for (int i = 0; i < n; ++i)
    s += other(i);
  return s;
}
