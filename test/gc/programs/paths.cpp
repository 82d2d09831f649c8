// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Control flow around references: invokes in loops that are left by exceptions and goto, cleanups, callbacks through foreign frames, musttail, setjmp; and raw
// pointers and views of what they refer to.
#include "program.h"

#include <algorithm>
#include <csetjmp>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace {

struct node {
  long v = 0;
  gc::ref<node> next;
  std::uint64_t pad[4] = {};
  node() = default;
  node(long v, gc::ref<node> n = nullptr) : v(v), next(n) {}
  long *at(int i) { return i ? reinterpret_cast<long *>(&pad[i & 3]) : &v; }
  const node &self() const { return *this; }
};
using R = gc::ref<node>;

[[gnu::noinline]] R mk(long v, R n = nullptr) { return gc::make<node>(v, n); }

[[gnu::noinline]] void churn(int k) {
  for (int i = 0; i < k; ++i)
    mk(i);
}

struct dtor {
  long *p;
  long &out;
  ~dtor() {
    churn(1);
    out += *p;
  }
};

[[gnu::noinline]] long may(R r, int k) {
  churn(1);
  if (k == 7)
    throw k;
  return r->v;
}

[[gnu::noinline]] long rawthrow(long *p, int k) {
  churn(1);
  if (k == 5)
    throw std::string("x");
  return *p;
}

[[gnu::noinline]] long loops(int n) {
  long out = 0, s = 0;
  for (int i = 0; i < n; ++i) {
    R r = mk(i);
    long *p = r->at(0);
    try {
      dtor d{p, out};
      for (int j = 0; j < 9; ++j) {
        R q = mk(j, r);
        s += rawthrow(q->next->at(0), (i + j) % 11);
        if (j == i % 4)
          goto next;
        r = q->next;
        s += may(q, (i * j) % 9);
      }
    } catch (int k) {
      churn(1);
      s += k + *p;
    } catch (const std::string &x) {
      churn(1);
      s += (long)x.size() * r->v;
    }
  next:
    churn(1);
  }
  return s * 100 + out;
}

long loopsExpect(int n) {
  long out = 0, s = 0;
  for (int i = 0; i < n; ++i) {
    int st = 0;
    for (int j = 0; j < 9; ++j) {
      if ((i + j) % 11 == 5) {
        st = 1;
        break;
      }
      s += i;
      if (j == i % 4) {
        st = 2;
        break;
      }
      if ((i * j) % 9 == 7) {
        st = 3;
        break;
      }
      s += j;
    }
    out += i;
    if (st == 3)
      s += 7 + i;
    if (st == 1)
      s += i;
  }
  return s * 100 + out;
}

struct view {
  const long *p;
  std::size_t n;
};

[[gnu::noinline]] R moveOut(view *to, view *from, R x) {
  churn(1);
  std::swap(*to, *from);
  return x->next;
}

[[gnu::noinline]] long views(int n) {
  long s = 0;
  view v[4] = {};
  view w{};
  for (int i = 0; i < n; ++i) {
    v[i & 3] = {&mk(i)->v, 1};
    churn(1);
    R y = moveOut(&w, &v[(i + 1) & 3], mk(1, mk(2 * i)));
    churn(1);
    s += y->v;
    for (auto &x : v)
      if (x.p)
        s += *x.p;
    if (w.p)
      s += *w.p * 3;
  }
  return s;
}

long viewsExpect(int n) {
  long s = 0;
  long v[4] = {-1, -1, -1, -1}, w = -1;
  for (int i = 0; i < n; ++i) {
    v[i & 3] = i;
    std::swap(w, v[(i + 1) & 3]);
    s += 2 * i;
    for (long x : v)
      if (x >= 0)
        s += x;
    if (w >= 0)
      s += w * 3;
  }
  return s;
}

[[gnu::noinline]] int cmp(const void *a, const void *b) {
  churn(1);
  auto x = (*static_cast<const R *>(a))->v, y = (*static_cast<const R *>(b))->v;
  return x < y ? -1 : x > y;
}

[[gnu::noinline]] long callbacks(long n) {
  R arr[12];
  R outside = mk(1000);
  for (long i = 0; i < 12; ++i)
    arr[i] = mk(i * 5 % 12 + n);
  std::qsort(arr, 12, sizeof(R), cmp);
  long s = outside->v;
  for (int i = 0; i < 12; ++i) {
    CHECK(arr[i]->v == i + n);
    s += arr[i]->v;
  }
  return s;
}

[[gnu::noinline]] long odd(R r, long n, long acc);

[[gnu::noinline]] long even(R r, long n, long acc) {
  churn(1);
  if (n == 0)
    return acc + r->v;
  [[clang::musttail]] return odd(mk(n, r), n - 1, acc + r->v);
}

[[gnu::noinline]] long odd(R r, long n, long acc) {
  churn(1);
  if (n == 0)
    return acc - r->v;
  [[clang::musttail]] return even(r->next, n - 1, acc * 2 + r->v);
}

[[gnu::noinline]] long jumps(int k) {
  static jmp_buf b;
  volatile long s = 0;
  [[maybe_unused]] const R r = mk(5);
  volatile int c = 0;
  if (setjmp(b) < k) {
    c = c + 1;
    s = s + mk(c)->v;
    if (c <= k)
      std::longjmp(b, c);
  }
  return s;
}

jmp_buf again;

[[gnu::noinline]] void come_back(int k) {
  churn(20);
  std::longjmp(again, k);
}

// What is used behind the second return only sits in the jmp_buf meanwhile.
[[gnu::noinline]] long second_return(R given, int k) {
  const R r = mk(5, given);
  const node *const raw = (k & 1 ? r : mk(6)).get();
  if (setjmp(again) == 0)
    come_back(k);
  return r->v + r->next->v + raw->v + given->v;
}

[[gnu::noinline]] long bigstack(long n) {
  R a[200];
  long data[300];
  for (int i = 0; i < 200; ++i) {
    a[(i * 7) % 200] = mk(i, i ? a[((i - 1) * 7) % 200] : nullptr);
    data[i] = a[(i * 7) % 200]->v;
    if (i % 16 == 0)
      churn(1);
  }
  asm volatile("" ::"r"(data), "r"(a) : "memory");
  long s = 0;
  for (int i = 0; i < 200; ++i) {
    R x = a[(i * 11) % 200];
    if (x->next)
      s += x->next->v;
    s += data[i] * n;
  }
  return s;
}

[[gnu::noinline]] long args(R a, R b, R c, R d, R e, R f, R g, R h, long i, R j, double k, R l) {
  churn(1);
  long s = a->v + b->v + c->v + d->v + e->v + f->v + g->v + h->v + i + j->v + (long)k + l->v;
  R z = mk(s, l);
  churn(1);
  return z->v + z->next->v + a->v + h->v + j->v;
}

struct four {
  R a, b, c, d;
};

[[gnu::noinline]] four rot(four x, R n) {
  churn(1);
  return {x.b, x.c, x.d, n};
}

[[gnu::noinline]] four sret(int k) {
  four x{mk(k), mk(k + 1), mk(k + 2), mk(k + 3)};
  for (int i = 0; i < k; ++i)
    x = rot(x, mk(i));
  return x;
}

[[gnu::noinline]] long ptrs(gc::ref<node> a, int n) {
  const node *p = a.get();
  long s = 0;
  std::span<std::uint64_t> sp(p->next->pad);
  for (int i = 0; i < n; ++i) {
    R t = mk(i, R(gc::ref_to(const_cast<node *>(p))));
    sp[i & 3] += (std::uint64_t)t->next->v;
    if (i % 3 == 2) {
      p = &t->self();
      sp = t->pad;
    }
    churn(1);
    s += p->v + (long)sp[0] + (long)sp[3];
  }
  return s;
}

[[gnu::noinline]] long unroll(gc::array<R> a, gc::array<long> b) {
  long s = 0;
  const R *p = a.begin(), *e = a.end();
  const long *q = b.begin();
  for (; p != e; ++p, q += 2) {
    s += (*p)->v * q[0] - q[1];
    if ((*p)->v % 5 == 0) {
      long *z = mk(3)->at(0);
      churn(1);
      s += *z;
    }
  }
  return s;
}

[[gnu::noinline]] long uptr(int n) {
  long s = 0;
  for (int i = 0; i < n; ++i) {
    std::vector<long> v(static_cast<size_t>(i + 1), 2);
    R r = mk(i);
    std::unique_ptr<int> u(new int(i));
    try {
      s += may(r, i % 10) + v.back() + *u;
    } catch (int) {
      s += r->v * 2;
    }
  }
  return s;
}

void body(unsigned scale) {
  for (unsigned r = 0; r < 3 * scale; ++r) {
    CHECK(loops(24) == loopsExpect(24));
    CHECK(views(20) == viewsExpect(20));
    CHECK(callbacks(3) == 1000 + 66 + 36);
    CHECK(even(mk(3, mk(4)), 20, 1) == 25599);
    CHECK(jumps(4) == 10);
    CHECK(second_return(mk(7), 2) == 25);
    CHECK(second_return(mk(7), 1) == 24);
    CHECK(bigstack(3) == 79401);
    CHECK(args(mk(1), mk(2), mk(3), mk(4), mk(5), mk(6), mk(7), mk(8), 9, mk(10), 11.0, mk(12)) == 78 + 12 + 1 + 8 + 10);
    four x = sret(7);
    churn(3);
    CHECK(x.a->v * 1000 + x.b->v * 100 + x.c->v * 10 + x.d->v == 3456);
    CHECK(ptrs(mk(2, mk(3)), 20) == 271);
    auto a = gc::make_array<R>(20);
    auto b = gc::make_array<long>(40);
    for (size_t i = 0; i < 20; ++i) {
      a[i] = mk((long)i);
      b[2 * i] = (long)i;
      b[2 * i + 1] = 1;
    }
    CHECK(unroll(a, b) == 2470 - 20 + 12);
    CHECK(uptr(20) == 190 + 20 * 2 + 190 - 4);
  }
}

} // namespace

int main(int argc, char **argv) { return run_program("paths", argc, argv, body); }
