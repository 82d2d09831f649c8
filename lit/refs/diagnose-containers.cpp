// Containers whose memory the collector does not scan: std::allocator's. Reported where the container is declared, not inside of the library.
// RUN: %sp-clangxx -std=c++20 -I %include -fsyntax-only -Xclang -verify %s
#include <stillpoint/gc.hpp>
#include <stillpoint/gc/allocator.hpp>
#include <stillpoint/gc/global.hpp>

#include <array>
#include <functional>
#include <list>
#include <map>
#include <memory_resource>
#include <optional>
#include <string>
#include <tuple>
#include <unordered_map>
#include <variant>
#include <vector>

namespace gc = stillpoint::gc;

struct Node {
  gc::ref<Node> next;
  int value = 0;
};

// What is declared.
std::vector<gc::ref<Node>> global_vector; // expected-error-re {{the collector does not scan the memory of 'std::vector<stillpoint::gc::ref<Node>>', and 'stillpoint::gc::ref<Node>' holds references; give it gc::allocator{{.*}}[-Wstillpoint-container]}}
struct Owner {
  std::map<int, Node> nodes; // expected-error {{[-Wstillpoint-container]}}
  std::pair<int, std::vector<Node>> pair; // expected-error {{the memory of 'std::vector<Node>'}}
};
template <class T>
struct Box {
  std::list<T> items; // expected-error {{[-Wstillpoint-container]}}
};
Box<gc::ref<Node>> box;
Box<int> box_of_numbers;
struct Derived : std::vector<Node> {}; // expected-error {{[-Wstillpoint-container]}}

void local() {
  std::unordered_map<int, gc::ref<Node>> table; // expected-error {{[-Wstillpoint-container]}}
  table[1] = nullptr;
  std::optional<std::vector<gc::array<int>>> maybe; // expected-error {{[-Wstillpoint-container]}}
  std::vector<std::pair<int, gc::ref<Node>>> pairs; // expected-error {{[-Wstillpoint-container]}}
  pairs.emplace_back(1, nullptr);
  std::pmr::vector<gc::ref<Node>> pool; // expected-error {{[-Wstillpoint-container]}}
  std::array<std::vector<gc::ref<Node>>, 2> two; // expected-error {{[-Wstillpoint-container]}}
}

// What is used without having been declared here, where it is used.
void parameter(std::vector<Node> by_value); // a declaration puts nothing anywhere
void parameter(std::vector<Node> by_value) {} // expected-error {{[-Wstillpoint-container]}}
void used(std::vector<gc::weak<Node>> &all, gc::ref<Node> n) {
  static_cast<void>(all.size());
  all.push_back(n); // expected-error-re {{'push_back' puts 'stillpoint::gc::weak<Node>', which holds references, into memory that the collector does not scan{{.*}}[-Wstillpoint-new]}}
}

// What is fine.
struct Rooted {
  gc::global<Node> node;
};
std::vector<Rooted> rooted;
std::vector<gc::ref<Node> *> pointers;
std::vector<gc::ref<Node>, gc::allocator<gc::ref<Node>>> collected;
using Table = std::unordered_map<int, gc::ref<Node>, std::hash<int>, std::equal_to<int>, gc::rooted_allocator<std::pair<const int, gc::ref<Node>>>>;
Table fine(gc::ref<Node> n) {
  std::vector<gc::ref<Node>, gc::allocator<gc::ref<Node>>> v;
  v.push_back(n);
  v.insert(v.begin(), 3, n);
  std::basic_string<char, std::char_traits<char>, gc::allocator<char>> text;
  std::array<gc::ref<Node>, 4> some{};
  std::optional<gc::ref<Node>> maybe = n;
  std::pair<gc::ref<Node>, int> pair{n, 1};
  std::tuple<gc::ref<Node>, gc::array<int>> both{n, nullptr};
  std::variant<std::monostate, gc::ref<Node>, gc::array<int>> one{n};
  std::vector<int> numbers(10);
  std::string name = "x";
  Table t;
  t[1] = n;
  std::map<int, Node, std::less<int>, gc::rooted_allocator<std::pair<const int, Node>>> map;
  map[1] = *n;
  return t;
}

// What the programmer vouches for.
[[clang::suppress("stillpoint-container")]] std::vector<gc::ref<Node>> vouched;
struct Vouched {
  [[clang::suppress("stillpoint-container")]] std::vector<gc::ref<Node>> items;
};
