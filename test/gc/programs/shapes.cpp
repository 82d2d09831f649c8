// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Shapes of functions that keep references: switches by table, computed goto, more references than registers, results in two registers, variadic calls and
// assembly beside them, arrays of structures, dynamic areas, over-aligned frames.
#include "program.h"

#include <cstdarg>
#include <utility>

namespace {

struct node {
  long v = 0;
  gc::ref<node> next;
  node() = default;
  node(long v, gc::ref<node> n) : v(v), next(n) {}
};
using R = gc::ref<node>;

[[gnu::noinline]] R mk(long v, R n = nullptr) { return gc::make<node>(v, n); }

[[gnu::noinline]] void churn(int k) {
  for (int i = 0; i < k; ++i)
    mk(i);
}

[[gnu::noinline]] R table(int k, R a, R b, R c) {
  switch (k) {
  case 0:
    return a;
  case 1:
    return mk(b->v);
  case 2:
    return mk(1, c)->next;
  case 3:
    churn(1);
    return b;
  case 4:
    a = mk(7, a);
    [[fallthrough]];
  case 5:
    return mk(a->v, b)->next;
  case 6:
    return nullptr;
  default:
    return c;
  }
}

[[gnu::noinline]] long interp(const unsigned char *code, R x, R y) {
  static const void *const labels[] = {&&add, &&swp, &&nw, &&nxt, &&hlt};
  long acc = 0;
  R t;
#define NEXT goto *labels[*code++]
  NEXT;
add:
  acc += x->v;
  churn(1);
  NEXT;
swp:
  t = x;
  x = y;
  y = t;
  NEXT;
nw:
  x = mk(acc & 15, x);
  NEXT;
nxt:
  if (x->next)
    x = x->next;
  churn(1);
  NEXT;
hlt:
  return acc * 1000 + x->v * 10 + y->v;
}

[[gnu::noinline]] long many(long k) {
  R r0 = mk(k), r1 = mk(k + 1), r2 = mk(k + 2), r3 = mk(k + 3), r4 = mk(k + 4), r5 = mk(k + 5), r6 = mk(k + 6), r7 = mk(k + 7),
    r8 = mk(k + 8), r9 = mk(k + 9), r10 = mk(k + 10), r11 = mk(k + 11), r12 = mk(k + 12), r13 = mk(k + 13), r14 = mk(k + 14),
    r15 = mk(k + 15), r16 = mk(k + 16), r17 = mk(k + 17), r18 = mk(k + 18), r19 = mk(k + 19), r20 = mk(k + 20), r21 = mk(k + 21),
    r22 = mk(k + 22), r23 = mk(k + 23);
  long s = 0;
  for (int i = 0; i < 30; ++i) {
    R t = r0;
    r0 = r1;
    r1 = r2;
    r2 = r3;
    r3 = r4;
    r4 = r5;
    r5 = r6;
    r6 = r7;
    r7 = r8;
    r8 = r9;
    r9 = r10;
    r10 = r11;
    r11 = r12;
    r12 = r13;
    r13 = r14;
    r14 = r15;
    r15 = r16;
    r16 = r17;
    r17 = r18;
    r18 = r19;
    r19 = r20;
    r20 = r21;
    r21 = r22;
    r22 = r23;
    r23 = t;
    if (i % 7 == 0)
      churn(1);
    s += r0->v * 2 + r11->v + r23->v;
  }
  return s + r0->v + r1->v + r2->v + r3->v + r4->v + r5->v + r6->v + r7->v + r8->v + r9->v + r10->v + r11->v + r12->v + r13->v + r14->v +
         r15->v + r16->v + r17->v + r18->v + r19->v + r20->v + r21->v + r22->v + r23->v;
}

long manyExpect(long k) {
  long a[24];
  for (int i = 0; i < 24; ++i)
    a[i] = k + i;
  long s = 0;
  for (int i = 0; i < 30; ++i) {
    long t = a[0];
    for (int j = 0; j < 23; ++j)
      a[j] = a[j + 1];
    a[23] = t;
    s += a[0] * 2 + a[11] + a[23];
  }
  for (long x : a)
    s += x;
  return s;
}

[[gnu::noinline]] std::pair<R, R> twist(R a, R b, int d) {
  if (!d)
    return {mk(a->v, b), mk(b->v, a)};
  auto [x, y] = twist(b, a, d - 1);
  churn(1);
  return {y, mk(x->v + 1, x)};
}

[[gnu::noinline]] long va(int n, ...) {
  va_list l;
  va_start(l, n);
  long s = 0;
  for (int i = 0; i < n; ++i)
    s += va_arg(l, long);
  va_end(l);
  churn(1);
  return s;
}

[[gnu::noinline]] double vad(int n, ...) {
  va_list l;
  va_start(l, n);
  double s = 0;
  for (int i = 0; i < n; ++i)
    s += va_arg(l, double);
  va_end(l);
  churn(1);
  return s;
}

[[gnu::noinline]] long beside(R a, R b) {
  long s = va(8, a->v, 1L, 2L, 3L, 4L, 5L, b->v, 7L) + (long)vad(3, 1.0, 2.0, (double)a->v);
  return s + a->v + b->v;
}

[[gnu::noinline]] long assembly(R a, R b, long n) {
  long s = 0;
  for (long i = 0; i < n; ++i) {
    long x = a->v;
    asm volatile("add %1, %0\n\tlea (%0,%0), %0" : "+r"(x) : "r"(b->v) : "cc", "memory");
    asm("" : "+r"(s));
    asm volatile("" ::: "rbx", "r12", "r13", "r14", "r15", "memory");
    s += x;
    if (i % 3 == 0)
      churn(1);
  }
  return s + a->next->v;
}

struct slot {
  long tag;
  R r;
  int pad;
  R q;
};

[[gnu::noinline]] long structs(unsigned n, long k) {
  slot a[9];
  for (unsigned i = 0; i < 9; ++i)
    a[i] = {(long)i, mk(i + k), 1, mk(i * 2, mk(i * 3))};
  long s = 0;
  for (unsigned i = 0; i < n; ++i) {
    unsigned j = (i * 5 + 3) % 9;
    std::swap(a[j], a[i % 9]);
    churn(1);
    s += a[j].r->v + a[i % 9].q->next->v + a[(i * 7) % 9].tag;
  }
  long t = 0;
  for (auto &x : a)
    t += x.r->v - k + x.q->v + x.q->next->v;
  CHECK(t == 36 * 6);
  return s;
}

[[gnu::noinline]] long dyn(R a, int n) {
  long *p = static_cast<long *>(__builtin_alloca(static_cast<size_t>(n) * 8 + 8));
  R b = mk(n, a);
  for (int i = 0; i < n; ++i) {
    p[i] = b->next->v + i;
    if (i % 4 == 0)
      b = mk(i, b->next);
  }
  long s = 0;
  for (int i = 0; i < n; ++i)
    s += p[i];
  asm volatile("" ::"r"(p) : "memory");
  return s + (n > 1 ? dyn(b->next, n / 2) : 0) + a->v;
}

struct alignas(64) big {
  long x[8];
};

[[gnu::noinline]] void touch(big &b, R r) {
  churn(1);
  for (int i = 0; i < 8; ++i)
    b.x[i] += r->v;
}

[[gnu::noinline]] long aligned(R a, R b, int n) {
  big x{}, y{};
  alignas(128) R arr[4] = {a, b, mk(3), mk(4)};
  long s = 0;
  for (int i = 0; i < n; ++i) {
    touch(i & 1 ? x : y, arr[i & 3]);
    arr[(i + 1) & 3] = mk(arr[i & 3]->v);
    s += b->v;
    CHECK((reinterpret_cast<unsigned long>(&x) & 63) == 0);
  }
  return s + x.x[3] + y.x[7] + a->v;
}

[[gnu::noinline]] long alignedDyn(R a, int n) {
  big x{};
  long *p = static_cast<long *>(__builtin_alloca(static_cast<size_t>(n) * 8));
  R b = mk(1, a);
  for (int i = 0; i < n; ++i) {
    p[i] = i;
    touch(x, b->next);
  }
  long s = 0;
  for (int i = 0; i < n; ++i)
    s += p[i];
  return s + x.x[0] + b->next->v + a->v;
}

void body(unsigned scale) {
  for (unsigned r = 0; r < 10 * scale; ++r) {
    R a = mk(10), b = mk(20), c = mk(30);
    const long want[] = {10, 20, 30, 20, 20, 20, -1, 30};
    for (int k = 0; k < 8; ++k) {
      R t = table(k, a, b, c);
      CHECK((t ? t->v : -1) == want[k]);
    }
    const unsigned char code[] = {0, 1, 0, 2, 0, 3, 0, 2, 2, 0, 1, 0, 4};
    CHECK(interp(code, a, b) == 74100);
    CHECK(many(r) == manyExpect(r));
    auto [x, y] = twist(a, b, 9);
    CHECK(x->v == 14);
    CHECK(y->v == 25);
    CHECK(beside(a, b) == 10 + 1 + 2 + 3 + 4 + 5 + 20 + 7 + 13 + 30);
    a->next = c;
    CHECK(assembly(a, b, 10) == 10 * 60 + 30);
    CHECK(structs(40, 5) == 1079);
    CHECK(dyn(a, 16) == [] {
      long s = 0;
      for (int n = 16; n >= 1; n /= 2) {
        for (int i = 0; i < n; ++i)
          s += 10 + i;
        s += 10;
      }
      return s;
    }());
    CHECK(aligned(a, b, 12) == 370);
    CHECK(alignedDyn(a, 10) == 45 + 100 + 20);
  }
}

} // namespace

int main(int argc, char **argv) { return run_program("shapes", argc, argv, body); }
