// What the passes over references promise each other holds at every level; the data layout that leaves the compiler is the target's.
// RUN: %sp-clangxx -std=c++20 -I%include -O0 -fverify-intermediate-code -mllvm -stillpoint-verify-references -c %s -o %t.o
// RUN: %sp-clangxx -std=c++20 -I%include -O1 -g -fverify-intermediate-code -mllvm -stillpoint-verify-references -c %s -o %t.o
// RUN: %sp-clangxx -std=c++20 -I%include -O2 -fPIC -fverify-intermediate-code -mllvm -stillpoint-verify-references -c %s -o %t.o
// RUN: %sp-clangxx -std=c++20 -I%include -O3 -fverify-intermediate-code -mllvm -stillpoint-verify-references -c %s -o %t.o
// RUN: %sp-clangxx -std=c++20 -I%include -Os -fverify-intermediate-code -mllvm -stillpoint-verify-references -c %s -o %t.o
//
// RUN: %sp-clangxx -std=c++20 -I%include -O2 -S -emit-llvm %s -o - | FileCheck %s
// RUN: %sp-clangxx -std=c++20 -I%include -O2 -flto=thin -c %s -o - | llvm-dis | FileCheck %s
// RUN: %sp-clangxx -std=c++20 -I%include -O2 -flto=full -c %s -o - | llvm-dis | FileCheck %s
// CHECK-NOT: -ni:
// CHECK: ptr addrspace(1)
//
// Link-time optimisation: two modules, one with references and one without, no complaint about their data layouts, and typed loads after it.
// RUN: rm -rf %t && mkdir %t && echo 'long other(long X) { return X + 1; }' > %t/other.cpp
// RUN: %sp-clangxx -O2 -flto=full -c %t/other.cpp -o %t/other.full.o && %sp-clangxx -O2 -flto=thin -c %t/other.cpp -o %t/other.thin.o
// RUN: %sp-clangxx -std=c++20 -I%include -O2 -flto=full -c %s -o %t/this.full.o && %sp-clangxx -std=c++20 -I%include -O2 -flto=thin -c %s -o %t/this.thin.o
// RUN: %lld --load-pass-plugin=%plugin -r %t/this.full.o %t/other.full.o -o %t/full.o 2>&1 | count 0
// RUN: %lld --load-pass-plugin=%plugin -r %t/this.thin.o %t/other.thin.o -o %t/thin.o 2>&1 | count 0
#include <stillpoint/gc.hpp>
#include <vector>

namespace gc = stillpoint::gc;
long other(long);

struct node {
  long value;
  gc::ref<node> next;
  std::vector<int> own;
  virtual ~node() {}
  virtual long go(long k) { return k ? next->go(k - 1) + sum() : sum(); }
  long sum() const {
    long s = value;
    for (int x : own)
      s += x;
    return s;
  }
};

long self(gc::ref<node> n) { return n->sum() + n->go(3); }

long walk(gc::ref<node> n) {
  long s = 0;
  for (node *p = n.get(); p; p = p->next.get())
    s += other(p->sum());
  return s;
}

long owned(gc::ref<node> n) {
  std::vector<int> &own = n->own;
  n = nullptr;
  long s = 0;
  for (int x : own)
    s += x;
  return s;
}

long caught(int k) {
  auto n = gc::make<node>();
  try {
    return n->go(k);
  } catch (...) {
    return n->value;
  }
}

// Returned in two registers, and passed in memory.
struct both {
  gc::ref<node> a, b;
};
both swapped(both x) { return {x.b, x.a}; }

struct many {
  gc::ref<node> of[5];
  long n;
};
long passed(many m) { return m.of[m.n]->value + m.of[0]->sum(); }
