// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Values in x87 registers: computed with, and passed on by functions that have no x87 instruction of their own. Prints what it computes.
#include <cstdio>

namespace {

volatile int seen;

[[gnu::noinline]] long double term(int n) {
  const int sign = n % 2 == 0 ? 1 : -1;
  return static_cast<long double>(sign) / (2 * n + 1);
}

[[gnu::noinline]] long double passed_on(int n) {
  const long double result = term(n);
  seen = n; // not the last thing, or the call would be a jump
  return result;
}

} // namespace

int main() {
  long double sum = 0;
  for (int n = 0; n != 2000; ++n)
    sum += passed_on(n);
  std::printf("%.17Lg\n", 4 * sum);
  return seen == 1999 ? 0 : 1;
}
