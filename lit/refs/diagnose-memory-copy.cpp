// Objects with references that are copied as bytes.
// RUN: %sp-clangxx -std=c++20 -I %include -fsyntax-only -Wno-nontrivial-memcall -Xclang -verify %s
#include <stillpoint/gc.hpp>
#include <stillpoint/gc/allocator.hpp>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <vector>

namespace gc = stillpoint::gc;

struct Node {
  gc::ref<Node> next;
  int value = 0;
  char name[16];
};
struct Plain {
  int value;
  Node *node;
};

void copies(Node &to, const Node &from, gc::ref<Node> n, gc::array<gc::ref<Node>> all, char *bytes) {
  std::memcpy(&to, &from, sizeof(Node)); // expected-error {{'Node' holds references, and the collector may miss what is copied as bytes; assign or construct the object [-Wstillpoint-memory-copy]}}
  memmove((void *)&to, (const void *)&from, sizeof(Node)); // expected-error {{[-Wstillpoint-memory-copy]}}
  __builtin_memcpy(bytes, n.get(), sizeof(Node)); // expected-error {{[-Wstillpoint-memory-copy]}}
  memcpy(all.data(), bytes, 8); // expected-error {{[-Wstillpoint-memory-copy]}}
  std::memset(static_cast<void *>(&to), 0, sizeof to); // expected-error {{[-Wstillpoint-memory-copy]}}
  gc::ref<Node> some[3];
  bzero(some, sizeof some); // expected-error {{[-Wstillpoint-memory-copy]}}
  auto word = __builtin_bit_cast(std::uintptr_t, n.raw()); // expected-error-re {{{{.*}}holds references, and the collector does not see through a bit_cast{{.*}}[-Wstillpoint-memory-copy]}}
  word = std::bit_cast<std::uintptr_t>(n.raw()); // expected-error {{[-Wstillpoint-memory-copy]}}
}

template <class T>
void copy(T *to, const T *from) {
  std::memcpy(to, from, sizeof(T)); // expected-error {{'Node' holds references}}
}
template void copy(Node *, const Node *);
template void copy(Plain *, const Plain *);

void fine(Node &to, const Node &from, Plain &p, gc::ref<Node> n, gc::array<gc::ref<Node>> all) {
  to = from;
  std::memcpy(to.name, from.name, sizeof to.name);
  std::memset(&p, 0, sizeof p);
  gc::ref<Node> *pointers[2] = {&n, &n};
  std::memset(pointers, 0, sizeof pointers);
  std::copy(all.begin(), all.end(), all.begin());
  std::fill(all.begin(), all.end(), n);
  std::rotate(all.begin(), all.begin() + 1, all.end());
  std::vector<gc::ref<Node>, gc::allocator<gc::ref<Node>>> v(all.begin(), all.end());
  v.resize(100);
  v.erase(v.begin(), v.begin() + 10);
  std::vector<Plain> plain(10);
  plain.push_back(p);
  auto word = reinterpret_cast<std::uintptr_t>(n.get());
  auto bits = std::bit_cast<int>(1.0f);
  [[clang::suppress("stillpoint-memory-copy")]] std::memcpy(&to, &from, sizeof(Node));
}
