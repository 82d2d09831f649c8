// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// References in frames of every shape: realigned, with dynamic areas, with arguments on the stack (stored or pushed), results and arguments by value in memory,
// variadic calls beside them, exceptions through them. Run with options that change the shape, besides the usual ones.
#include "program.h"

#include <alloca.h>
#include <string>

namespace {

struct node {
  long v;
  gc::ref<node> next;
};
using R = gc::ref<node>;

[[gnu::noinline]] long nine(R a, R b, R c, R d, R e, R f, R g, R h, R i) {
  auto x = gc::make<node>(1, nullptr);
  return a->v + b->v + c->v + d->v + e->v + f->v + g->v + h->v + i->v + x->v;
}
[[gnu::noinline]] long outs(R a, R b) { return nine(a, b, a, b, a, b, a, b, a) + a->v; }
[[gnu::noinline]] long made() {
  auto m = [](long v) { return gc::make<node>(v, nullptr); };
  return nine(m(1), m(2), m(3), m(4), m(5), m(6), m(7), m(8), m(9));
}
[[gnu::noinline]] void fill(const void *at, std::uintptr_t alignment = 1) {
  CHECK(reinterpret_cast<std::uintptr_t>(at) % alignment == 0);
  gc::collect();
}
[[gnu::noinline]] long realigned(R a, R b, R c, R d, R e, R f, R g, R h, R i) {
  alignas(64) char buf[128];
  fill(buf, 64);
  long s = nine(a, b, c, d, e, f, g, h, i);
  fill(buf, 64);
  return s + i->v + g->v;
}
[[gnu::noinline]] long realigned_vla(R a, R b, R c, R d, R e, R f, R g, int n) {
  alignas(64) char buf[128];
  char *p = (char *)alloca(n);
  fill(buf, 64);
  fill(p);
  alignas(64) R local[2] = {a, g};
  fill(local, 64);
  long s = nine(a, b, c, d, e, f, g, a, b);
  return s + local[1]->v + g->v + f->v;
}
struct big {
  R a, b, c;
  long d;
};
[[gnu::noinline]] big three(R a) {
  fill(nullptr);
  return {a, gc::make<node>(2, nullptr), gc::make<node>(3, nullptr), 4};
}
[[gnu::noinline]] long by_value(big b) {
  fill(nullptr);
  return b.a->v + b.b->v + b.c->v + b.d;
}
[[gnu::noinline]] long pass(R a) {
  big b = three(a);
  return by_value(b) + by_value(three(b.c));
}
[[gnu::noinline]] long throwing(R a, R, R, R, R, R, R g, R h) {
  if (a->v == 100)
    throw std::string("x");
  fill(nullptr);
  return h->v + g->v;
}
[[gnu::noinline]] long catching(R a, R b) {
  alignas(32) long z[4];
  fill(z, 32);
  R k = gc::make<node>(8, nullptr);
  try {
    return throwing(a, b, a, b, a, b, k, k);
  } catch (std::string &s) {
    fill(&s);
    return k->v + b->v;
  }
}
[[gnu::noinline]] long fmt(R a, R b) {
  char buf[200];
  std::snprintf(buf, sizeof buf, "%p %p %ld %ld %ld %ld %ld %ld", (void *)a.get(), (void *)b.get(), a->v, b->v, a->v, b->v, a->v, b->v);
  fill(buf);
  return a->v + buf[0];
}
template <class... T>
[[gnu::noinline]] long many(T... t) {
  fill(nullptr);
  return (t->v + ...);
}
[[gnu::noinline]] long lots(R a, R b) {
  return many(a, b, a, b, a, b, a, b, a, b, a, b, a, b, a, b, a, b, a, b, a, b, a, b, a, b, a, b, a, b, a, b, a, b, a, b, a, b, a, b, a, b,
              a, b);
}
[[gnu::noinline]] double mixed(R a, double x, R b, long c, long d, long e, long f, long g, R h, long double l) {
  fill(nullptr);
  return a->v + x + b->v + c + d + e + f + g + h->v + l;
}
[[gnu::noinline]] double mix(R a, R b) {
  return mixed(a, 1, b, 1, 2, 3, 4, 5, gc::make<node>(9, nullptr), 3) + mixed(b, 2, a, 5, 4, 3, 2, 1, a, 2);
}
[[gnu::noinline]] long tail(R a, R b, R c, R d, R e, R f, R g, R h, R i) {
  fill(nullptr);
  return nine(i, h, g, f, e, d, c, b, a);
}

void body(unsigned scale) {
  auto m = [](long v) { return gc::make<node>(v, nullptr); };
  for (unsigned i = 0; i < 5 * scale; ++i) {
    R a = m(1), b = m(2);
    CHECK(outs(a, b) == 14 + 1);
    CHECK(made() == 46);
    CHECK(realigned(a, b, m(3), m(4), m(5), m(6), m(7), m(8), m(9)) == 46 + 9 + 7);
    CHECK(realigned_vla(a, b, m(3), m(4), m(5), m(6), m(7), 100) == 32 + 7 + 7 + 6);
    CHECK(pass(a) == 10 + 3 + 2 + 3 + 4);
    CHECK(catching(a, b) == 8 + 8 && catching(m(100), b) == 8 + 2);
    CHECK(lots(a, b) == 44 / 2 * 3);
    CHECK(mix(a, b) == (1 + 1 + 2 + 15 + 9 + 3) + (2 + 2 + 1 + 15 + 1 + 2));
    CHECK(tail(a, b, a, b, a, b, a, b, m(5)) == 5 + 12 + 1);
    fmt(a, b);
  }
}

} // namespace

int main(int argc, char **argv) { return run_program("frames", argc, argv, body); }
