// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What generate.py's programs are made of. With -DPLAIN_POINTERS references are raw pointers, nothing is ever freed, and no plugin is needed: the
// result of that is the right one.
#ifndef STILLPOINT_TEST_GC_RANDOM_PROGRAM_H
#define STILLPOINT_TEST_GC_RANDOM_PROGRAM_H

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <variant>

#ifdef PLAIN_POINTERS
template <class T>
using ref = T *;
template <class T, class... A>
ref<T> make_new(A &&...a) {
  return new T(std::forward<A>(a)...);
}
template <class T>
T *raw(T *p) {
  return p;
}
template <class T>
ref<T> ref_of(T *p) {
  return p;
}
template <class T>
struct array {
  T *items;
  std::size_t count;
  T &operator[](std::size_t i) const { return items[i]; }
  T *begin() const { return items; }
  T *end() const { return items + count; }
  std::size_t size() const { return count; }
};
template <class T>
array<T> make_array(std::size_t n) {
  return {new T[n](), n};
}
#else
#include <stillpoint/gc.hpp>
#include <stillpoint/stillpoint.hpp>
namespace gc = stillpoint::gc;
template <class T>
using ref = gc::ref<T>;
template <class T, class... A>
ref<T> make_new(A &&...a) {
  return gc::make<T>(std::forward<A>(a)...);
}
template <class T>
T *raw(const ref<T> &r) {
  return r.get();
}
template <class T>
ref<T> ref_of(T *p) {
  return gc::ref_to(p);
}
template <class T>
using array = gc::array<T>;
template <class T>
array<T> make_array(std::size_t n) {
  return gc::make_array<T>(n);
}
#endif

// The check sum. Nothing that depends on an address goes in.
inline std::uint64_t checksum;
inline void mix(long v) { checksum = (checksum ^ static_cast<std::uint64_t>(v)) * 0x9e3779b97f4a7c15u + (checksum >> 29); }

struct node {
  long v;
  ref<node> a, b;
  long w[3];
  node(long value, ref<node> left, ref<node> right) : v(value), a(left), b(right), w{value + 1, value + 2, value + 3} {}
  node *self() { return this; }
  long *at(long i) { return i % 4 == 3 ? &v : &w[i % 4]; }
};
struct two {
  ref<node> x, y;
};
struct four {
  ref<node> p, q;
  long n;
  ref<node> r, s;
};
struct view {
  node *p;
  long n;
};
struct thrown {
  long v;
};
using choice = std::variant<std::monostate, ref<node>, ref<four>>;

[[gnu::noinline]] inline ref<node> mk(long v) { return make_new<node>(v, nullptr, nullptr); }
[[gnu::noinline]] inline ref<node> mk(long v, ref<node> a, ref<node> b) { return make_new<node>(v, a, b); }
inline ref<node> left(const ref<node> &r) { return r->a ? r->a : r; }
inline ref<node> right(const ref<node> &r) { return r->b ? r->b : r; }

// Says when its scope is left, by an exception too.
struct leaving {
  long *p;
  ~leaving() {
    mk(5);
    mix(*p);
  }
};

template <class F>
[[gnu::noinline]] long apply(F &&f, long n) {
  long sum = 0;
  for (long i = 0; i < n; ++i)
    sum = sum * 3 + f(i);
  return sum;
}

[[gnu::noinline]] inline void rotate_raw(node **p, long n) {
  node *const first = p[0];
  for (long i = 1; i < n; ++i)
    p[i - 1] = p[i];
  mk(7);
  p[n - 1] = first;
}
[[gnu::noinline]] inline void swap_raw(node **p, node **q, long n) {
  for (long i = 0; i < n; ++i) {
    node *const mine = std::exchange(p[i], nullptr);
    mk(8);
    p[i] = std::exchange(q[i], mine);
  }
}
[[gnu::noinline]] inline void sort_views(view *from, view *to) {
  std::sort(from, to, [](const view &x, const view &y) {
    mk(9);
    return x.p->v != y.p->v ? x.p->v < y.p->v : x.n < y.n;
  });
}

template <class Body>
int run_random(Body body) {
#ifdef PLAIN_POINTERS
  body();
#else
  stillpoint::run(body);
#endif
  std::printf("%016llx\n", static_cast<unsigned long long>(checksum));
  return 0;
}

#endif
