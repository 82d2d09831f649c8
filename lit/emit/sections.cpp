// Records and maps lie in sections that are linked to the code's section and in its COMDAT group.
// RUN: %sp-clangxx -O2 -c %s -o %t.o && llvm-readelf -S -g %t.o | FileCheck %s
// RUN: %sp-clangxx -O2 -S %s -o - | FileCheck %s --check-prefix=ASM

int other(int);
template <typename T> __attribute__((noinline)) T folded(T n) {
  T s = 0;
  for (T i = 0; i < n; ++i)
    for (T j = 0; j < n; ++j)
      for (T k = 0; other(k); ++k)
        s += other(j) ? other(i) : other(k) + other(n);
  return s;
}
int plain(int n) { return folded(n) + folded(other(n)); }

// CHECK-DAG: stillpoint_records_v[[#V]] PROGBITS {{.*}} AL
// CHECK-DAG: stillpoint_records_v[[#V]] PROGBITS {{.*}} ALG
// CHECK: COMDAT group section [{{.*}}_Z6foldedIiET_S0_
// CHECK: .text._Z6foldedIiET_S0_
// CHECK: stillpoint_records_v[[#V]]

// ASM-DAG: .section stillpoint_records_v[[#V]],"ao",@progbits,.text
// ASM-DAG: .section stillpoint_records_v[[#V]],"aoG",@progbits,.text._Z6foldedIiET_S0_,_Z6foldedIiET_S0_,comdat
// ASM-DAG: .uleb128 {{.*}} # prologue
