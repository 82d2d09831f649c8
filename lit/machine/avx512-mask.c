// Mask registers and the upper registers of AVX-512 are vector state too.
// REQUIRES: objdump
// RUN: %sp-clang -O2 -mavx512f -mavx512bw -mavx512vl -fplugin-arg-stillpoint-liveness=full -c %s -o %t.o
// RUN: %sp-objdump --check %t.o && %sp-objdump %t.o | FileCheck %s
// RUN: %sp-clang -O2 -mavx512f -mavx512bw -mavx512vl -c %s -o %t.gc.o && %sp-objdump %t.gc.o | FileCheck %s --check-prefix=GC
// identity: flags -mavx512f -mavx512bw -mavx512vl
#include <immintrin.h>

// CHECK: <masked>
// CHECK: live={{.*}}k1
// GC: <masked>
// GC: vec {{.*}}%k1
__m512 masked(__m512 a, __m512 b, const float *p, long n) {
  __mmask16 m = _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ);
  for (long i = 0; i < n; ++i)
    a = _mm512_mask_add_ps(a, m, a, _mm512_loadu_ps(p + 16 * i));
  return a;
}
