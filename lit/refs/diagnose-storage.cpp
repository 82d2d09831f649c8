// Objects with references where the collector does not look, or cannot tell what it sees: exceptions, thread_local variables, unions, arrays whose
// length is not known.
// RUN: %sp-clangxx -std=c++20 -I %include -fsyntax-only -Wno-vla-cxx-extension -Xclang -verify %s
#include <stillpoint/gc.hpp>
#include <stillpoint/gc/global.hpp>

#include <alloca.h>
#include <exception>
#include <optional>
#include <stdexcept>
#include <utility>
#include <variant>

namespace gc = stillpoint::gc;

struct Node {
  gc::ref<Node> next;
  int value = 0;
};

// Exceptions.
struct Failure : std::runtime_error {
  Failure(gc::ref<Node> n) : runtime_error("failure"), where(n) {}
  gc::ref<Node> where;
};
struct RootedFailure {
  gc::global<Node> where;
};
void throws(int i, gc::ref<Node> n) {
  if (i == 0)
    throw Failure(n); // expected-error {{the collector does not look into exception objects, and 'Failure' holds references; throw something else, or hold them as gc::global [-Wstillpoint-exception]}}
  if (i == 1)
    throw n; // expected-error {{[-Wstillpoint-exception]}}
  if (i == 2)
    throw n->value;
  if (i == 3)
    throw RootedFailure{n};
  if (i == 4)
    std::throw_with_nested(Failure(n)); // expected-error-re {{'throw_with_nested<Failure>' throws {{.*}}[-Wstillpoint-exception]}}
  try {
    throw std::runtime_error("x");
  } catch (const Failure &) {
    throw;
  }
}

// thread_local variables.
thread_local gc::ref<Node> per_thread; // expected-error-re {{thread_local variables are not scanned by the collector, and {{.*}}ref<Node>{{.*}} holds references{{.*}}[-Wstillpoint-thread-local]}}
thread_local std::optional<Node> nodes[2]; // expected-error {{[-Wstillpoint-thread-local]}}
struct Statics {
  static inline thread_local gc::array<int> numbers; // expected-error {{[-Wstillpoint-thread-local]}}
  static inline gc::array<int> shared;
};
int counts() {
  static thread_local Node cache; // expected-error {{[-Wstillpoint-thread-local]}}
  static Node shared;
  thread_local int count = 0;
  thread_local gc::global<Node> rooted;
  thread_local Node *pointer = nullptr;
  return ++count + cache.value + shared.value;
}

// Unions: a word is a reference in all alternatives or in none.
union Unclear { // expected-error-re {{'Unclear' has a reference or other data in the same word, and the collector cannot know which{{.*}}[-Wstillpoint-union]}}
  Unclear() : number(0) {}
  gc::ref<Node> reference;
  long number;
};
struct Anonymous {
  Anonymous() {}
  union { // expected-error {{[-Wstillpoint-union]}}
    gc::ref<Node> reference;
    double number;
  };
};
union Clear {
  Clear() : node() {}
  gc::ref<Node> node;
  gc::array<int> numbers;
};
union WithoutReferences {
  long number;
  Node *pointer;
};
template <class T>
union Either { // expected-error {{'Either<double>' has a reference or other data}}
  Either() {}
  gc::ref<Node> node;
  T other;
};
void variants() {
  std::variant<gc::ref<Node>, int> unclear; // expected-error {{[-Wstillpoint-union]}}
  std::variant<gc::ref<Node>, gc::array<int>> clear;
  std::optional<gc::ref<Node>> optional;
  std::optional<Node> node;
  Either<double> d;
  Either<gc::ref<int>> r;
}

// Arrays.
int arrays(int n) {
  gc::ref<Node> variable[n]; // expected-error {{the tables cannot list references in an array whose length is not known at compile time; use gc::make_array [-Wstillpoint-alloca]}}
  auto *more = static_cast<gc::ref<Node> *>(alloca(n * sizeof(gc::ref<Node>))); // expected-error {{[-Wstillpoint-alloca]}}
  gc::ref<Node> fixed[10];
  int numbers[n];
  auto *bytes = static_cast<char *>(alloca(n));
  return numbers[0] + bytes[0] + (fixed[0] == more[0]);
}
