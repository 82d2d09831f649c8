// Jump tables and computed goto: the targets have the frame of the jump.
// REQUIRES: objdump
// RUN: %sp-clang -O2 -c %s -o %t.o && %sp-objdump --check %t.o && %sp-objdump %t.o | FileCheck %s
// RUN: %sp-clang -O0 -c %s -o %t.0.o && %sp-objdump --check %t.0.o && %sp-objdump %t.0.o | FileCheck %s

int f(int), g(int), h(int);
// CHECK: <table>
// CHECK: safe {{.*}}jmpq *
// CHECK-NOT: unsafe
// CHECK: <computed>
int table(int n, int x) {
  for (;;) {
    switch (n) {
    case 0: x += f(x); break;
    case 1: x -= g(x); break;
    case 2: x *= h(x); break;
    case 3: x ^= f(x + 1); break;
    case 4: x |= g(x + 2); break;
    case 5: return x;
    case 6: x &= h(x + 7); break;
    }
    n = f(n) & 7;
  }
}
// CHECK: safe {{.*}}jmpq *
// CHECK-NOT: unsafe
int computed(const unsigned char *code, int x) {
  static void *const labels[] = {&&add, &&sub, &&mul, &&end};
  goto *labels[*code++];
add:
  x += f(x);
  goto *labels[*code++];
sub:
  x -= g(x);
  goto *labels[*code++];
mul:
  x *= h(x);
  goto *labels[*code++];
end:
  return x;
}
