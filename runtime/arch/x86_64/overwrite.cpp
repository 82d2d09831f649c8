// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Overwrites every vector, mask and x87 register, as far as this processor has them: for storms and tests. A task that was stopped where the tables
// call none of them live must not notice.
#include "runtime/arch/arch.h"

namespace stillpoint::rt::arch {
namespace {

#define EACH_16(f) f(0) f(1) f(2) f(3) f(4) f(5) f(6) f(7) f(8) f(9) f(10) f(11) f(12) f(13) f(14) f(15)
#define EACH_HIGH_16(f) f(16) f(17) f(18) f(19) f(20) f(21) f(22) f(23) f(24) f(25) f(26) f(27) f(28) f(29) f(30) f(31)
#define EACH_MASK(f) f(0) f(1) f(2) f(3) f(4) f(5) f(6) f(7)

void overwrite_sse() {
#define F(n) asm volatile("pcmpeqd %%xmm" #n ", %%xmm" #n ::: "xmm" #n);
  EACH_16(F)
#undef F
}

[[gnu::target("avx2")]] void overwrite_avx() {
#define F(n) asm volatile("vpcmpeqd %%ymm" #n ", %%ymm" #n ", %%ymm" #n ::: "xmm" #n);
  EACH_16(F)
#undef F
}

[[gnu::target("avx512f,avx512bw")]] void overwrite_avx512() {
#define F(n) asm volatile("vpternlogd $0xff, %%zmm" #n ", %%zmm" #n ", %%zmm" #n ::: "xmm" #n);
  EACH_16(F)
  EACH_HIGH_16(F)
#undef F
#define F(n) asm volatile("kxnorq %%k" #n ", %%k" #n ", %%k" #n ::: "k" #n);
  EACH_MASK(F)
#undef F
}

void overwrite_x87() {
  for (int i = 0; i < 8; ++i)
    asm volatile("fldpi");
  // Flags as if something had been divided by zero; an empty stack, as the ABI wants.
  asm volatile("fld1; fldz; fdivrp; fninit; fld1; fldz; fdivrp; fstp %st(0)");
}

} // namespace

void overwrite_scratch() noexcept {
  overwrite_sse();
  if (__builtin_cpu_supports("avx2"))
    overwrite_avx();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw"))
    overwrite_avx512();
  overwrite_x87();
  reset_float_words();
}

} // namespace stillpoint::rt::arch
