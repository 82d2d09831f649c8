// Lengths beyond what an inline map or a short ULEB128 holds, and branches that the assembler has to relax.
// REQUIRES: objdump
// RUN: %sp-clangxx -O2 -c %s -o %t.o && %sp-objdump --check %t.o && %sp-objdump --runs %t.o | FileCheck %s
// RUN: %sp-clangxx -O0 -c %s -o %t.0.o && %sp-objdump --check %t.0.o

int other(int);
#define R4(X) X X X X
#define R256(X) R4(R4(R4(R4(X))))
// CHECK: <long_one(int)>
// CHECK: length {{[0-9][0-9][0-9][0-9]+}}
int long_one(int n) {
  int s = n;
  for (int i = 0; i < n; ++i) {
    R256(s += other(s) ? 3 : other(i);)
  }
  return s;
}
