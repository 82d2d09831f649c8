// A musttail call ends the frame that keeps the object of a raw pointer alive.
// RUN: %sp-clangxx -std=c++20 -I %include -fsyntax-only -Xclang -verify %s
#include <stillpoint/gc.hpp>

namespace gc = stillpoint::gc;

struct Node {
  gc::ref<Node> next;
  int value = 0;
  int sum(int so_far) { return so_far + value; }
};

int raw(Node *n, int i);
int by_reference(Node &n, int i);
int typed(gc::ref<Node> n, int i);
int plain(int *n, int i);

int pointer(Node *, int i) {
  gc::ref<Node> n = gc::make<Node>();
  [[clang::musttail]] return raw(n.get(), i); // expected-error {{a musttail call gets a raw pointer into a collected object whose reference ends with this function; pass the gc::ref, or call without musttail [-Wstillpoint-musttail]}}
}
int variable(Node *, int i) {
  gc::ref<Node> n = gc::make<Node>();
  Node *p = n.get();
  [[clang::musttail]] return raw(p, i); // expected-error {{[-Wstillpoint-musttail]}}
}
int reference(Node &, int i) {
  gc::ref<Node> n = gc::make<Node>();
  [[clang::musttail]] return by_reference(*n, i); // expected-error {{[-Wstillpoint-musttail]}}
}
int member(int *, int i) {
  gc::ref<Node> n = gc::make<Node>();
  [[clang::musttail]] return plain(&n->value, i); // expected-error {{[-Wstillpoint-musttail]}}
}

int pass_on(Node *n, int i) { [[clang::musttail]] return raw(n, i - 1); }
int typed_on(gc::ref<Node> n, int i) { [[clang::musttail]] return typed(n->next, i - n->value); }
int ordinary(gc::ref<Node> n, int i) { return raw(n.get(), i) + n->sum(i); }
int value_of(int v, int i);
int by_value(int, int i) {
  gc::ref<Node> n = gc::make<Node>();
  [[clang::musttail]] return value_of(n->value, i);
}
