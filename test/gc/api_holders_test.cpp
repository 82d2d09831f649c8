// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What holds references besides gc::ref: arrays, atomics, weak references, globals, containers, standard wrappers and tasks' closures.
#include "api_support.h"

#include <algorithm>
#include <deque>
#include <list>
#include <map>
#include <memory>
#include <numeric>
#include <optional>
#include <tuple>
#include <unordered_map>
#include <variant>
#include <vector>

using namespace stillpoint::test;

namespace {

struct box {
  long value;
  gc::ref<box> next;
};

gc::ref<box> boxed(long value) { return gc::make<box>(value, nullptr); }

// Garbage, and a collection: what is not held is overwritten.
[[gnu::noinline]] void disturb() {
  for (int i = 0; i < 2000; ++i)
    static_cast<void>(boxed(-1));
  gc::collect();
  for (int i = 0; i < 2000; ++i)
    static_cast<void>(boxed(-2));
}

STILLPOINT_TASK_TEST(gc_array, numbers) {
  gc::array<int> a = gc::make_array<int>(100);
  EXPECT_EQ(a.size(), 100u);
  EXPECT_EQ(std::accumulate(a.begin(), a.end(), 0), 0);
  std::iota(a.begin(), a.end(), 0);
  disturb();
  EXPECT_EQ(a[99], 99);
  EXPECT_EQ(a.at(50), 50);
  EXPECT_EQ(a.front() + a.back(), 99);
  EXPECT_THROW(a.at(100), std::out_of_range);
  EXPECT_EQ(a.span().subspan(10, 2)[1], 11);
  gc::array<const int> c = a;
  EXPECT_EQ(c.data(), a.data());
  EXPECT_TRUE(gc::make_array<int>(0).empty());
  EXPECT_EQ(gc::make_array<int>(3, 7)[2], 7);
  EXPECT_EQ(gc::make_array(a.span())[99], 99);
  EXPECT_FALSE(gc::array<int>());
}

STILLPOINT_TASK_TEST(gc_array, references) {
  gc::array<gc::ref<box>> a = gc::make_array<gc::ref<box>>(1000);
  EXPECT_TRUE(std::all_of(a.begin(), a.end(), [](auto &r) { return !r; }));
  for (std::size_t i = 0; i < a.size(); ++i)
    a[i] = boxed(static_cast<long>((i * 7919) % 1000));
  disturb();
  std::sort(a.begin(), a.end(), [](const auto &l, const auto &r) { return l->value < r->value; });
  disturb();
  for (std::size_t i = 0; i < a.size(); ++i)
    ASSERT_EQ(a[i]->value, static_cast<long>(i));
  std::reverse(a.begin(), a.end());
  std::rotate(a.begin(), a.begin() + 10, a.end());
  disturb();
  EXPECT_EQ(a[0]->value, 989);
  EXPECT_EQ(a.back()->value, 990);
}

struct pair_of {
  long n = 1;
  gc::ref<box> r;
};

STILLPOINT_TASK_TEST(gc_array, structs_with_references_and_elements) {
  gc::ref<pair_of> third;
  {
    gc::array<pair_of> a = gc::make_array<pair_of>(50);
    for (pair_of &p : a)
      p.r = boxed(p.n);
    third = a.ref_at(3);
    a[3].n = 33;
  }
  disturb();
  EXPECT_EQ(third->n, 33);
  EXPECT_EQ(third->r->value, 1);
}

std::atomic<int> alive;
struct throwing {
  throwing() {
    if (alive == 7)
      throw std::runtime_error("enough");
    ++alive;
  }
  ~throwing() { --alive; }
};

STILLPOINT_TASK_TEST(gc_array, constructors_that_throw_and_destructors) {
  alive = 0;
  EXPECT_THROW(static_cast<void>(gc::make_array<throwing>(10)), std::runtime_error);
  EXPECT_EQ(alive, 0);
  []() __attribute__((noinline)) { static_cast<void>(gc::make_array<throwing>(5)); }();
  EXPECT_EQ(alive, 5);
  EXPECT_TRUE(collected_until([] { return alive == 0; }));
  EXPECT_THROW(static_cast<void>(gc::make_array<long>(std::size_t(1) << 61)), std::bad_array_new_length);
}

struct shared_cell {
  gc::atomic<gc::ref<box>> top;
};

STILLPOINT_TASK_TEST(gc_atomic, operations) {
  gc::ref<box> a = boxed(1), b = boxed(2);
  gc::ref<shared_cell> cell = gc::make<shared_cell>();
  EXPECT_EQ(cell->top.load(), nullptr);
  cell->top.store(a, std::memory_order_release);
  EXPECT_EQ(cell->top.exchange(b), a);
  gc::ref<box> expected = a;
  EXPECT_FALSE(cell->top.compare_exchange_strong(expected, a));
  EXPECT_EQ(expected, b);
  EXPECT_TRUE(cell->top.compare_exchange_weak(expected, a));
  EXPECT_EQ(cell->top.load(std::memory_order_relaxed), a);
  cell->top = nullptr;
  EXPECT_EQ(gc::ref<box>(cell->top), nullptr);
  gc::atomic_ref(a->next).store(b);
  EXPECT_EQ(a->next, b);
}

// A stack without locks that several tasks push to and pop from.
STILLPOINT_TASK_TEST(gc_atomic, treiber_stack) {
  constexpr int tasks = 4, rounds = 2000;
  gc::ref<shared_cell> stack = gc::make<shared_cell>();
  std::atomic<long> popped = 0;
  stillpoint::wait_group working;
  for (int t = 0; t < tasks; ++t) {
    working.add();
    stillpoint::go([stack, &popped, &working] {
      for (int i = 0; i < rounds; ++i) {
        gc::ref<box> fresh = boxed(1);
        gc::ref<box> head = stack->top.load();
        do
          fresh->next = head;
        while (!stack->top.compare_exchange_weak(head, fresh));
        for (head = stack->top.load(); head && !stack->top.compare_exchange_weak(head, head->next);)
          ;
        if (head)
          popped += head->value;
      }
      working.done();
    });
  }
  working.wait();
  long left = 0;
  for (gc::ref<box> b = stack->top; b; b = b->next)
    ++left;
  EXPECT_EQ(popped + left, tasks * rounds);
}

[[gnu::noinline]] void fill_weak(std::vector<gc::weak<box>, gc::allocator<gc::weak<box>>> &all, gc::array<gc::ref<box>> kept) {
  for (std::size_t i = 0; i < 100; ++i) {
    gc::ref<box> b = boxed(static_cast<long>(i));
    all.push_back(b);
    if (i % 2)
      kept[i] = b;
  }
}

STILLPOINT_TASK_TEST(gc_weak, only_what_is_held_stays) {
  std::vector<gc::weak<box>, gc::allocator<gc::weak<box>>> all;
  gc::array<gc::ref<box>> kept = gc::make_array<gc::ref<box>>(100);
  fill_weak(all, kept);
  gc::collect();
  EXPECT_TRUE(collected_until([&] { return std::count_if(all.begin(), all.end(), [](auto &w) { return w.expired(); }) >= 48; }));
  for (std::size_t i = 1; i < 100; i += 2) {
    ASSERT_FALSE(all[i].expired());
    EXPECT_EQ(all[i].lock(), kept[i]);
  }
  EXPECT_TRUE(gc::weak<box>().expired());
  EXPECT_EQ(gc::weak<box>(gc::ref<box>()).lock(), nullptr);
}

gc::ref<box> plain_global;
gc::ref<box> global_array[3];
gc::global<box> registered_global;

STILLPOINT_TASK_TEST(gc_global, variables_and_malloced_memory) {
  plain_global = boxed(1);
  global_array[2] = boxed(2);
  registered_global = boxed(3);
  auto held = std::make_unique<std::pair<int, gc::global<box>>>(1, gc::global<box>(boxed(4)));
  std::vector<gc::global<box>> many;
  for (long i = 0; i < 100; ++i)
    many.emplace_back(boxed(i));
  disturb();
  EXPECT_EQ(plain_global->value, 1);
  EXPECT_EQ(global_array[2]->value, 2);
  EXPECT_EQ(registered_global->value, 3);
  EXPECT_EQ(held->second->value, 4);
  for (long i = 0; i < 100; ++i)
    ASSERT_EQ(many[static_cast<std::size_t>(i)]->value, i);
  const gc::global<box> copy = registered_global;
  EXPECT_EQ(copy.get(), registered_global.get());
}

STILLPOINT_TASK_TEST(gc_allocator, vector) {
  std::vector<gc::ref<box>, gc::allocator<gc::ref<box>>> v;
  for (long i = 0; i < 1000; ++i)
    v.push_back(boxed(i));
  v.erase(v.begin() + 10, v.begin() + 20);
  v.insert(v.begin() + 10, boxed(-5));
  disturb();
  EXPECT_EQ(v.size(), 991u);
  EXPECT_EQ(v[10]->value, -5);
  EXPECT_EQ(v[11]->value, 20);
  EXPECT_EQ(v.back()->value, 999);
  v.shrink_to_fit();
  auto copy = v;
  v.clear();
  disturb();
  EXPECT_EQ(copy[990]->value, 999);
  const std::span<gc::ref<box>> view(copy);
  EXPECT_EQ(view[10]->value, -5);
}

STILLPOINT_TASK_TEST(gc_allocator, deque) {
  std::deque<gc::ref<box>, gc::allocator<gc::ref<box>>> d;
  for (long i = 0; i < 600; ++i) {
    d.push_back(boxed(i));
    d.push_front(boxed(-i));
  }
  disturb();
  EXPECT_EQ(d.front()->value, -599);
  EXPECT_EQ(d.back()->value, 599);
  for (int i = 0; i < 400; ++i)
    d.pop_front();
  disturb();
  EXPECT_EQ(d[200]->value, 0);
}

STILLPOINT_TASK_TEST(gc_allocator, linked_nodes) {
  using entry = std::pair<const long, gc::ref<box>>;
  std::map<long, gc::ref<box>, std::less<>, gc::rooted_allocator<entry>> tree;
  std::unordered_map<long, gc::ref<box>, std::hash<long>, std::equal_to<>, gc::rooted_allocator<entry>> table;
  std::list<gc::ref<box>, gc::rooted_allocator<gc::ref<box>>> list;
  std::vector<gc::ref<box>, gc::rooted_allocator<gc::ref<box>>> several;
  for (long i = 0; i < 500; ++i) {
    tree[i] = boxed(i);
    table[i] = boxed(i);
    list.push_back(boxed(i));
    several.push_back(boxed(i));
  }
  tree.erase(7);
  disturb();
  EXPECT_EQ(tree.size(), 499u);
  for (auto &[key, b] : tree)
    ASSERT_EQ(b->value, key);
  for (auto &[key, b] : table)
    ASSERT_EQ(b->value, key);
  EXPECT_EQ(list.back()->value, 499);
  EXPECT_EQ(several[250]->value, 250);
}

struct with_container {
  std::vector<gc::ref<box>, gc::allocator<gc::ref<box>>> boxes;
};

STILLPOINT_TASK_TEST(gc_allocator, containers_in_collected_objects) {
  gc::ref<with_container> w = gc::make<with_container>();
  for (long i = 0; i < 100; ++i)
    w->boxes.push_back(boxed(i));
  disturb();
  EXPECT_EQ(w->boxes[99]->value, 99);
}

struct wrappers {
  std::pair<int, gc::ref<box>> p;
  std::tuple<gc::ref<box>, char, gc::ref<box>> t;
  std::optional<gc::ref<box>> o;
  std::variant<std::monostate, gc::ref<box>, gc::ref<long>> v;
};

STILLPOINT_TASK_TEST(gc_ref, in_standard_wrappers) {
  gc::ref<wrappers> w = gc::make<wrappers>();
  wrappers local;
  w->p = local.p = {1, boxed(1)};
  w->t = local.t = {boxed(2), 'c', boxed(3)};
  w->o = local.o = boxed(4);
  w->v = local.v = gc::make<long>(5);
  disturb();
  for (const wrappers &x : {*w, local}) {
    EXPECT_EQ(x.p.second->value, 1);
    EXPECT_EQ(std::get<0>(x.t)->value + std::get<2>(x.t)->value, 5);
    EXPECT_EQ((*x.o)->value, 4);
    EXPECT_EQ(*std::get<2>(x.v), 5);
  }
  w->o.reset();
  w->v = boxed(6);
  disturb();
  EXPECT_EQ(std::get<1>(w->v)->value, 6);
}

STILLPOINT_TASK_TEST(gc_task, closures_hold_references) {
  std::atomic<long> sum = 0;
  stillpoint::wait_group working;
  for (long i = 0; i < 50; ++i) {
    working.add();
    // The only references are in the closure, and what it captures has a destructor.
    stillpoint::go([b = boxed(i), o = std::optional(boxed(1)), text = std::string(100, 'x'), &sum, &working] {
      for (int round = 0; round < 3; ++round) {
        disturb();
        stillpoint::yield();
      }
      sum += b->value + (*o)->value + static_cast<long>(text.size());
      working.done();
    });
  }
  working.wait();
  EXPECT_EQ(sum, 49 * 50 / 2 + 50 + 5000);
}

TEST(gc_task, references_into_and_out_of_run) {
  const gc::ref<box> made = stillpoint::run([] { return boxed(11); });
  const gc::ref<box> same = stillpoint::run([made] {
    disturb();
    return made;
  });
  EXPECT_EQ(stillpoint::run([&] { return same->value; }), 11);
}

} // namespace
