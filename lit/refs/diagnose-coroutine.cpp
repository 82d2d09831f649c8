// A coroutine's frame comes from operator new.
// RUN: %sp-clangxx -std=c++20 -I %include -fsyntax-only -Xclang -verify %s
#include <stillpoint/gc.hpp>
#include <stillpoint/gc/global.hpp>

#include <coroutine>

namespace gc = stillpoint::gc;

struct Node {
  gc::ref<Node> next;
  int value = 0;
};

template <class T>
struct Future {
  struct promise_type {
    T result{};
    Future get_return_object() { return {}; }
    std::suspend_never initial_suspend() { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_value(T value) { result = value; }
    void unhandled_exception() {}
  };
};
struct Awaiter {
  gc::ref<Node> node;
  bool await_ready() { return false; }
  void await_suspend(std::coroutine_handle<>) {}
  int await_resume() { return 1; }
};

Future<int> parameter(gc::ref<Node> n) { // expected-warning {{the frame of a coroutine, which holds what lives across a suspension, is not in the collected heap, and 'gc::ref<Node>' holds references; use a task (go), or hold them as gc::global [-Wstillpoint-coroutine]}}
  co_await std::suspend_always();
  co_return n->value;
}
Future<int> local() {
  Node node; // expected-warning {{[-Wstillpoint-coroutine]}}
  co_await std::suspend_always();
  auto closure = [](gc::ref<Node> n) { gc::ref<Node> next = n->next; return next; };
  co_return node.value;
}
Future<gc::ref<Node>> promise() { // expected-warning {{[-Wstillpoint-coroutine]}}
  co_return nullptr;
}
Future<int> awaiter() {
  co_await Awaiter{}; // expected-warning {{the awaiter 'Awaiter' holds references}}
  co_return 1;
}
auto Lambda = [](gc::ref<Node> n) -> Future<int> { co_return n->value; }; // expected-warning {{[-Wstillpoint-coroutine]}}

Future<int> fine(gc::global<Node> n, gc::ref<Node> &by_reference, Node *pointer) {
  co_await std::suspend_always();
  int value = n->value;
  co_return value;
}
Future<int> vouched([[clang::suppress("stillpoint-coroutine")]] gc::ref<Node> n) { co_return n->value; }
int ordinary(gc::ref<Node> n) {
  gc::ref<Node> next = n->next;
  return next->value;
}
