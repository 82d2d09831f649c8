// -Os pushes outgoing arguments: between the pushes the frame is known by its exact depth, and the call can be walked through.
// REQUIRES: objdump
// RUN: %sp-clang -Os -fomit-frame-pointer -c %s -o %t.o && %sp-objdump --check %t.o && %sp-objdump %t.o | FileCheck %s

int many(int, int, int, int, int, int, int, int, int, int);
// CHECK: <pushes>
// CHECK-NEXT: frame cfa=rsp+[[#%u,WHOLE:]]
// CHECK: safe cfa=rsp+[[#WHOLE+8]] {{.*}}push
// CHECK: safe cfa=rsp+[[#WHOLE+16]] {{.*}}push
// CHECK: safe cfa=rsp+[[#WHOLE+32]] {{.*}}callq {{.*}}<many>
// CHECK-NOT: unsafe
int pushes(int a, int b) {
  int r = 0;
  for (int i = 0; i < a; ++i)
    r += many(a, b, r, i, 1, 2, r + 3, b + 4, a + 5, i + 6);
  return r;
}
