// The inside of inline assembly is no place to stop, and the remark says so; around it every point is safe.
// RUN: %sp-clang -O2 -c %s -o %t.o && %sp-objdump --check %t.o && %sp-objdump --function=two_steps %t.o | FileCheck %s
// RUN: %sp-clang -O2 -c %s -o /dev/null -fplugin-arg-stillpoint-remarks 2>&1 | FileCheck %s --check-prefix=WHY

int two_steps(int n) {
  // WHY: :[[#@LINE+1]]:3: remark: 1 point is unsafe by the rule 'inline-asm'
  __asm__ volatile("incl %0\n\tincl %0" : "+r"(n));
  return n;
}

// CHECK-LABEL: <two_steps>
// CHECK:      safe   {{.*}} movl %edi, %eax
// CHECK:      unsafe {{.*}} incl %eax
// CHECK-NEXT: unsafe {{.*}} incl %eax
// CHECK:      safe   {{.*}} retq
