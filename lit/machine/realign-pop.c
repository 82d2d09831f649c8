// -Oz loads a constant by a push and a pop. In a realigned frame nobody knows how deep the stack is there, but what is popped is what was pushed, and no saved
// register: the frame stays known.
// REQUIRES: objdump
// RUN: %sp-clang -Oz -c %s -o %t.o && %sp-objdump --check %t.o && %sp-objdump %t.o | FileCheck %s
struct __attribute__((aligned(64))) block { int x[16]; };
void fill(void *, long, long, long);

// CHECK: <constants>
// CHECK-NEXT: frame cfa=rbp+16
// CHECK: safe cfa=rbp+16 {{.*}}pushq ${{.*}}
// CHECK: popq %r{{bx|12|13|14|15}}
// CHECK-NOT: cfa=?
// CHECK: safe cfa=rbp+16 {{.*}}callq
// CHECK-NOT: cfa=?
// CHECK: retq
int constants(void) {
  struct block b;
  fill(&b, 1, 2, 3);
  fill(&b, 3, 2, 1);
  fill(&b, 2, 3, 1);
  return b.x[3];
}
