// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// An object dies when its last use has passed, although the function that named it still runs: at a call, in a loop, and where a variable is
// overwritten. Weak references see it. Only for optimised code: at -O0 every variable lives as long as its function.
#include "program.h"

namespace {

struct node {
  gc::ref<node> next;
  std::uint64_t value = 0;
};

[[gnu::noinline]] gc::ref<node> make_list(std::uint64_t length) {
  gc::ref<node> list;
  for (std::uint64_t i = 0; i < length; ++i) {
    const gc::ref<node> n = gc::make<node>();
    n->next = list;
    n->value = i;
    list = n;
  }
  return list;
}

[[gnu::noinline]] std::uint64_t sum(gc::ref<node> list) {
  std::uint64_t total = 0;
  for (; list; list = list->next)
    total += list->value;
  return total;
}

[[gnu::noinline]] bool dead(const gc::weak<node> &watched) {
  gc::collect();
  return watched.expired();
}

// The list is used, then the function goes on without it.
void after_the_last_use() {
  const gc::ref<node> list = make_list(20);
  const gc::weak<node> watch(list);
  CHECK(!dead(watch));
  CHECK(sum(list) == 190);
  CHECK(dead(watch));
}

// The variable is overwritten: the first object dies, the second does not.
void after_an_assignment() {
  gc::ref<node> list = make_list(3);
  const gc::weak<node> first(list);
  list = make_list(4);
  const gc::weak<node> second(list);
  CHECK(dead(first));
  CHECK(!second.expired());
  CHECK(sum(list) == 6);
}

// A cursor walks a list whose head nobody needs any more: what lies behind it dies while the loop runs.
void behind_a_cursor() {
  const auto watches = gc::make_array<gc::weak<node>>(10);
  gc::ref<node> cursor = make_list(10);
  std::size_t count = 0;
  for (gc::ref<node> n = cursor; n; n = n->next)
    watches[count++] = gc::weak<node>(n);
  for (std::size_t i = 0; cursor; cursor = cursor->next, ++i) {
    gc::collect();
    for (std::size_t k = 0; k < 10; ++k)
      CHECK(watches[k].expired() == (k < i));
  }
}

// A parameter whose last use is a call does not live as long as the call.
[[gnu::noinline]] std::uint64_t consume(gc::ref<node> list, const gc::weak<node> &watch) {
  const std::uint64_t total = sum(list);
  CHECK(dead(watch));
  return total;
}

void in_a_callee() {
  gc::ref<node> list = make_list(5);
  const gc::weak<node> watch(list);
  CHECK(consume(list, watch) == 10);
}

void body(unsigned scale) {
  for (unsigned i = 0; i < scale; ++i) {
    after_the_last_use();
    after_an_assignment();
    behind_a_cursor();
    in_a_callee();
  }
}

} // namespace

int main(int argc, char **argv) { return run_program("precision", argc, argv, body); }
