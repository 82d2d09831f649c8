// What is meant to be done with references gets no diagnostic: all of the library's headers, and much of the standard library with references in it.
// RUN: %sp-clangxx -std=c++20 -I %include -fsyntax-only -Werror -Xclang -verify %s
// The same where a precompiled header has the headers.
// RUN: %sp-clangxx -std=c++20 -I %include -x c++-header %include/stillpoint/gc.hpp -o %t.pch
// RUN: %sp-clangxx -std=c++20 -I %include -include-pch %t.pch -fsyntax-only -Werror -Xclang -verify %s
// expected-no-diagnostics
#include <stillpoint/gc.hpp>
#include <stillpoint/gc/allocator.hpp>
#include <stillpoint/gc/atomic.hpp>
#include <stillpoint/gc/global.hpp>
#include <stillpoint/gc/weak.hpp>
#include <stillpoint/stillpoint.hpp>

#include <algorithm>
#include <array>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <numeric>
#include <optional>
#include <ranges>
#include <span>
#include <string>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

namespace gc = stillpoint::gc;

template <class T>
using Vector = std::vector<T, gc::allocator<T>>;

struct Base {
  virtual ~Base() = default;
};
struct Node : Base {
  Node() = default;
  explicit Node(gc::ref<Node> next) : next(next) {}
  gc::ref<Node> next;
  gc::weak<Node> back;
  gc::atomic<gc::ref<Node>> shared;
  Vector<gc::ref<Node>> children;
  std::optional<gc::ref<Base>> base;
  std::variant<std::monostate, gc::ref<Node>, gc::array<int>> either;
  std::pair<int, gc::ref<Node>> pair;
  std::array<gc::array<gc::ref<Node>>, 3> arrays;
  std::string name;
  std::vector<int> numbers;
  std::unique_ptr<gc::global<Node>> rooted;
  int value = 0;
};

gc::ref<Node> head;
gc::global<Node> kept;
static std::array<gc::ref<Node>, 4> table;

std::tuple<gc::ref<Node>, int> both(gc::ref<Node> n) { return {n, n->value}; }

int use(gc::ref<Node> n, gc::array<gc::ref<Node>> all, std::function<bool(gc::ref<Node>)> wanted) {
  auto [first, number] = both(n);
  auto next = gc::make<Node>(n);
  next->children.push_back(n);
  next->children.emplace_back();
  next->children.insert(next->children.begin(), all.begin(), all.end());
  next->base = n;
  next->either = n;
  next->pair = {1, n};
  next->arrays[0] = all;
  next->shared.store(n);
  next->back = n;
  std::swap(next->next, n);
  std::sort(next->children.begin(), next->children.end());
  std::ranges::sort(all, {}, [](const gc::ref<Node> &r) { return r->value; });
  std::erase_if(next->children, [&](const auto &r) { return wanted(r); });
  auto sum = std::accumulate(all.begin(), all.end(), 0, [n](int s, gc::ref<Node> r) { return s + r->value + n->value; });
  for (const auto &r : all | std::views::filter([](const auto &r) { return !!r; }))
    sum += r->value;
  for (auto &r : all.span())
    r = n;
  Vector<Vector<gc::ref<Node>>> rows(3, Vector<gc::ref<Node>>(4, n));
  std::deque<Node, gc::allocator<Node>> queue;
  std::map<std::string, gc::ref<Node>, std::less<>, gc::rooted_allocator<std::pair<const std::string, gc::ref<Node>>>> by_name;
  by_name["x"] = n;
  for (auto &[name, node] : by_name)
    sum += node->value + static_cast<int>(name.size());
  auto visit = std::visit([](const auto &alternative) { return sizeof alternative; }, n->either);
  auto call = [n, all]() mutable { return std::exchange(n, all[0]); };
  std::invoke(call);
  stillpoint::go(call);
  stillpoint::go({.name = "task"}, [n = std::move(n), weak = gc::weak(next), i = sum] { n->value = i + weak.lock()->value; });
  stillpoint::go(std::bind_front([](gc::ref<Node> r) { r->value = 1; }, next));
  std::reference_wrapper<gc::ref<Node>> wrapped = head;
  const Node *where = next.get();
  const auto &name = next->name;
  head = table[1] = kept.get();
  if (auto node = gc::dynamic_pointer_cast<Node>(gc::ref<Base>(next)))
    return node->value;
  return number + sum + static_cast<int>(visit + rows.size() + queue.size() + name.size()) + where->value + wrapped.get()->value;
}
int run() {
  return stillpoint::run([] { return use(gc::make<Node>(), gc::make_array<gc::ref<Node>>(3), [](gc::ref<Node> r) { return !r; }); });
}
