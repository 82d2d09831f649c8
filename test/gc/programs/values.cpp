// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// References inside of values: tuples, pairs, variants, optionals, arrays, captures; and exceptions through frames that hold them.
#include "program.h"

#include <array>
#include <optional>
#include <stdexcept>
#include <tuple>
#include <utility>
#include <variant>

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
using Nested = std::tuple<long, std::pair<R, int>, std::tuple<R, std::optional<R>>, std::array<R, 3>>;

[[gnu::noinline]] Nested nested(long a) {
  churn(2);
  return Nested{a, {mk(a), 3}, {mk(a + 1), std::optional<R>(mk(a + 2))}, {mk(a + 3), mk(a + 4), mk(a + 5)}};
}

[[gnu::noinline]] long sumNested(Nested n) {
  churn(3);
  auto &[a, p, t, arr] = n;
  long s = a + p.first->v + std::get<0>(t)->v + (*std::get<1>(t))->v;
  for (R r : arr) {
    churn(1);
    s += r->v;
  }
  return s;
}

struct A {
  long a;
  gc::ref<node> n;
};
struct B {
  gc::ref<A> a;
  long b;
};
using Var = std::variant<std::monostate, gc::ref<A>, gc::ref<B>>;

[[gnu::noinline]] Var var(int i) {
  if (i % 3 == 0)
    return std::monostate{};
  if (i % 3 == 1)
    return gc::make<A>(A{i, mk(i)});
  return gc::make<B>(B{gc::make<A>(A{i, mk(i)}), i});
}

[[gnu::noinline]] long visitVar(const Var &v) {
  return std::visit(
      [](auto &x) -> long {
        using T = std::decay_t<decltype(x)>;
        churn(2);
        if constexpr (std::is_same_v<T, std::monostate>)
          return 0;
        else if constexpr (std::is_same_v<T, gc::ref<A>>)
          return x->a + x->n->v;
        else
          return x->a->n->v + x->b;
      },
      v);
}

[[gnu::noinline]] void thrower(R a, R b, int d) {
  R c = mk(d, a);
  churn(1);
  if (d == 0)
    throw std::runtime_error(std::to_string(a->v + b->v + c->next->v));
  thrower(b, c->next, d - 1);
  CHECK(false);
}

struct guard {
  R r;
  long &out;
  ~guard() {
    churn(2);
    out += r->v;
  }
};

[[gnu::noinline]] long catcher(long k) {
  R keep = mk(k), other = mk(k * 2);
  long out = 0;
  try {
    guard g{mk(k * 3), out};
    guard h{mk(1, g.r), out};
    thrower(keep, other, 5);
  } catch (const std::exception &e) {
    churn(3);
    return std::atol(e.what()) + keep->v + other->v + out;
  }
  return -1;
}

template <class F>
[[gnu::noinline]] long apply(F f, int n) {
  long s = 0;
  for (int i = 0; i < n; ++i) {
    churn(1);
    s += f(i);
  }
  return s;
}

void body(unsigned scale) {
  for (unsigned r = 0; r < 20 * scale; ++r) {
    CHECK(sumNested(nested(r)) == 7L * r + 15);
    long s = 0;
    for (int i = 0; i < 6; ++i)
      s += visitVar(var(i));
    CHECK(s == 2 * (1 + 2 + 4 + 5));
    CHECK(catcher(r) == 11L * r + 1);
    R a = mk(r), b = mk(r + 1);
    auto p = std::pair(mk(5), mk(6));
    auto f = [a, &b, p = std::move(p)](int i) mutable {
      std::swap(p.first, p.second);
      if (i == 3)
        b = mk(100);
      return a->v + b->v + p.first->v;
    };
    long e = 0;
    {
      long bv = r + 1;
      for (int i = 0; i < 7; ++i) {
        if (i == 3)
          bv = 100;
        e += r + bv + (i % 2 ? 5 : 6);
      }
    }
    CHECK(apply(f, 7) == e);
    std::optional<R> o;
    for (int i = 0; i < 5; ++i) {
      if (i & 1)
        o.reset();
      else
        o.emplace(mk(i));
      churn(1);
      if (o)
        CHECK((*o)->v == i);
    }
  }
}

} // namespace

int main(int argc, char **argv) { return run_program("values", argc, argv, body); }
