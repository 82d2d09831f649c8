// Landing pads are entered with the whole frame, whatever the call had pushed for its arguments (-Os pushes them).
// REQUIRES: objdump
// RUN: %sp-clangxx -O2 -c %s -o %t.2.o && %sp-objdump --check %t.2.o && %sp-objdump %t.2.o | FileCheck %s
// RUN: %sp-clangxx -Os -c %s -o %t.s.o && %sp-objdump --check %t.s.o && %sp-objdump %t.s.o | FileCheck %s
// RUN: %sp-clangxx -Os -fno-omit-frame-pointer -c %s -o %t.f.o && %sp-objdump --check %t.f.o && %sp-objdump %t.f.o | FileCheck %s

struct guard { ~guard(); };
int may_throw(int, int, int, int, int, int, long, long, long);
void note(int) noexcept;

// CHECK: <catches(int)>
// CHECK-NOT: unsafe
// CHECK: callq {{.*}}__cxa_begin_catch
// CHECK-NOT: unsafe
// CHECK: callq {{.*}}_Unwind_Resume
int catches(int n) {
  guard g;
  try {
    for (int i = 0; i < n; ++i)
      may_throw(n, i, 1, 2, 3, 4, 5, 6, 7);
  } catch (int e) {
    note(e);
    return e;
  }
  return n;
}
