// Objects with references in memory from new and malloc, by the user's own hand or by the library's.
// RUN: %sp-clangxx -std=c++20 -I %include -fsyntax-only -ferror-limit=0 -Wno-deprecated-declarations -Xclang -verify %s
#include <stillpoint/gc.hpp>
#include <stillpoint/gc/global.hpp>
#include <stillpoint/task.hpp>

#include <algorithm>
#include <any>
#include <cstdlib>
#include <functional>
#include <future>
#include <memory>
#include <new>
#include <thread>
#include <vector>

namespace gc = stillpoint::gc;

struct Node {
  gc::ref<Node> next;
  int value = 0;
};
struct Plain {
  int value = 0;
};
struct Rooted {
  gc::global<Node> node;
};
struct Pooled {
  gc::ref<Node> node;
  static void *operator new(std::size_t);
  static void operator delete(void *);
};

void by_hand(gc::ref<Node> n, void *memory) {
  auto *one = new Node; // expected-error {{the collector does not scan memory from new, and 'Node' holds references; make the object with gc::make, or hold the references as gc::global [-Wstillpoint-new]}}
  auto *many = new gc::ref<Node>[10]; // expected-error {{[-Wstillpoint-new]}}
  auto *maybe = new (std::nothrow) std::pair<int, gc::ref<Node>>(1, n); // expected-error {{[-Wstillpoint-new]}}
  auto *closure = new auto([n] { return n->value; }); // expected-error {{[-Wstillpoint-new]}}
  auto *c = static_cast<Node *>(std::malloc(sizeof(Node))); // expected-error-re {{the collector does not scan this memory, and 'Node' holds references{{.*}}[-Wstillpoint-malloc]}}
  c = (Node *)realloc(c, 2 * sizeof(Node)); // expected-error {{[-Wstillpoint-malloc]}}
  c = static_cast<Node *>(::operator new(sizeof(Node))); // expected-error {{[-Wstillpoint-malloc]}}
  c = std::allocator<Node>().allocate(3); // expected-error {{[-Wstillpoint-new]}}

  auto *placed = new (memory) Node;
  auto *pooled = new Pooled;
  auto *plain = new Plain[3];
  auto *rooted = new Rooted{n};
  auto *numbers = static_cast<int *>(std::malloc(100));
}

template <class T>
std::unique_ptr<T> wrapped() {
  return std::make_unique<T>(); // expected-error-re {{'make_unique<Node>' puts 'Node', which holds references{{.*}}[-Wstillpoint-new]}}
}

void by_the_library(gc::ref<Node> n) {
  auto unique = std::make_unique<Node>(); // expected-error {{[-Wstillpoint-new]}}
  auto shared = std::make_shared<Node>(); // expected-error {{[-Wstillpoint-new]}}
  wrapped<Node>();
  wrapped<Plain>();
  std::function<int()> function = [n] { return n->value; }; // expected-error {{[-Wstillpoint-new]}}
  std::thread thread([n] {}); // expected-error {{[-Wstillpoint-new]}}
  auto future = std::async([n] { return n->value; }); // expected-error {{[-Wstillpoint-new]}}
  std::any any = n; // expected-error {{[-Wstillpoint-new]}}
  any = Node{n}; // expected-error {{[-Wstillpoint-new]}}

  auto plain = std::make_unique<Plain>();
  auto rooted = std::make_shared<Rooted>();
  std::function<int()> by_reference = [&n] { return n->value; };
  std::function<int(gc::ref<Node>)> argument = [](gc::ref<Node> r) { return r->value; };
}

// Tasks and algorithms.
int fine(gc::ref<Node> n, gc::array<gc::ref<Node>> all) {
  stillpoint::go([n] { n->value = 1; });
  stillpoint::go({.name = "x"}, [n, all]() mutable { n = all[0]; });
  std::sort(all.begin(), all.end(), [n](const auto &a, const auto &b) { return a->value < b->value + n->value; });
  std::stable_sort(all.begin(), all.end()); // expected-error-re {{stable_sort{{.*}} puts {{.*}}[-Wstillpoint-new]}}
  auto found = std::find_if(all.begin(), all.end(), [&](const gc::ref<Node> &r) { return r == n; });
  std::vector<int> values;
  std::transform(all.begin(), all.end(), std::back_inserter(values), [n](gc::ref<Node> r) { return r->value - n->value; });
  auto made = gc::make<Node>();
  auto array = gc::make_array<Node>(10);
  std::swap(made, n);
  return (*found)->value + array[0].value;
}

void vouched() {
  [[clang::suppress("stillpoint-new")]] auto *one = new Node;
  [[clang::suppress]] std::make_unique<Node>();
  [[clang::suppress("stillpoint-malloc")]] auto *two = new Node; // expected-error {{[-Wstillpoint-new]}}
}

// Outside of functions.
auto global_object = std::make_unique<Node>(); // expected-error {{[-Wstillpoint-new]}}
auto *global_pointer = new Node; // expected-error {{[-Wstillpoint-new]}}
auto global_plain = std::make_unique<Plain>();
