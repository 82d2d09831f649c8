// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// References that are handed on: in registers, on the stack, in structures by value, swapped before a tail call.
#include "program.h"

#include <utility>

namespace {

struct node {
  long v = 0;
  gc::ref<node> next;
  node() = default;
  node(long v, gc::ref<node> n = nullptr) : v(v), next(n) {}
};
using R = gc::ref<node>;

[[gnu::noinline]] R mk(long v, R n = nullptr) { return gc::make<node>(v, n); }

[[gnu::noinline]] void churn(int k) {
  for (int i = 0; i < k; ++i)
    mk(i + 77);
}

[[gnu::noinline]] long last(R a, R, R, R, R, R f, R g, R h) {
  churn(3);
  return g->v * 10 + h->v + a->v + f->v;
}

[[gnu::noinline]] long fwd(R a, R b, R c, R d, R e, R f, R g, R h) {
  churn(3);
  return last(a, b, c, d, e, f, g, h);
}

[[gnu::noinline]] long fwd2(R a, R b, R c, R d, R e, R f, R g, R h, long k) {
  churn(3);
  R t = k > 3 ? g : h;
  churn(2);
  long s = last(a, b, c, d, e, f, h, g);
  churn(2);
  return s + (k & 1 ? last(b, b, b, b, b, b, t, g) : 0);
}

struct two {
  R x, y;
};

[[gnu::noinline]] long lasts(R a, R, R, R, R, two f) {
  churn(3);
  return f.x->v * 10 + f.y->v + a->v;
}

[[gnu::noinline]] long fwds(R a, R b, R c, R d, R e, two f) {
  churn(3);
  return lasts(b, a, c, d, e, f);
}

struct one {
  R x;
};

[[gnu::noinline]] long lasto(long, long, long, long, long, long, one g, one h) {
  churn(3);
  return g.x->v * 10 + h.x->v;
}

[[gnu::noinline]] long fwdo(long a, long b, long c, long d, long e, long f, one g, one h) {
  churn(3);
  long s = 0;
  for (int i = 0; i < 3; ++i) {
    std::swap(g, h);
    churn(1);
    s += lasto(b, a, c, d, e, f, g, h);
  }
  return s;
}

void body(unsigned scale) {
  for (unsigned r = 0; r < 20 * scale; ++r) {
    CHECK(fwd(mk(1), mk(2), mk(3), mk(4), mk(5), mk(6), mk(7), mk(8)) == 78 + 7);
    CHECK(fwd2(mk(1), mk(2), mk(3), mk(4), mk(5), mk(6), mk(7), mk(8), 5) == 87 + 7 + 77 + 4);
    CHECK(fwds(mk(1), mk(2), mk(3), mk(4), mk(5), two{mk(7), mk(8)}) == 78 + 2);
    CHECK(fwdo(1, 2, 3, 4, 5, 6, one{mk(7)}, one{mk(8)}) == 87 + 78 + 87);
  }
}

} // namespace

int main(int argc, char **argv) { return run_program("forwarded", argc, argv, body); }
