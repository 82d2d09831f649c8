// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// gc::ref and gc::make: what they do as types and as values, and that what they refer to lives as long as it should.
#include "api_support.h"

#include <compare>
#include <cstdint>
#include <set>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <unordered_set>
#include <vector>

using namespace stillpoint::test;

namespace {

struct incomplete;
struct base {
  long tag = 7;
  virtual ~base() = default;
};
struct middle : virtual base {
  long more = 8;
};
struct other {
  long much = 9;
};
struct derived : other, middle {
  gc::ref<base> next;
};
struct list {
  gc::ref<list> next;
  long value = 0;
};

static_assert(sizeof(gc::ref<incomplete>) == sizeof(void *) && alignof(gc::ref<incomplete>) == alignof(void *));
static_assert(!std::is_trivially_copyable_v<gc::ref<int>>, "an untyped copy would lose the reference");
static_assert(std::is_trivially_destructible_v<gc::ref<int>> && std::is_nothrow_copy_constructible_v<gc::ref<int>>);
static_assert(std::is_standard_layout_v<gc::ref<int>>);
static_assert(std::is_convertible_v<gc::ref<derived>, gc::ref<base>> && !std::is_convertible_v<gc::ref<base>, gc::ref<derived>>);
static_assert(std::is_convertible_v<gc::ref<int>, gc::ref<const int>> && !std::is_convertible_v<gc::ref<const int>, gc::ref<int>>);
static_assert(std::is_convertible_v<gc::ref<int>, gc::ref<void>> && !std::is_convertible_v<gc::ref<void>, gc::ref<int>>);
static_assert(!std::is_convertible_v<gc::ref<int>, gc::ref<long>> && !std::is_convertible_v<gc::ref<int>, bool>);
static_assert(!std::is_convertible_v<int *, gc::ref<int>> && !std::is_convertible_v<gc::ref<int>, int *>);
static_assert(std::is_convertible_v<std::nullptr_t, gc::ref<int>>);
static_assert(std::three_way_comparable<gc::ref<int>, std::strong_ordering>);

STILLPOINT_TASK_TEST(gc_ref, null_and_bool) {
  gc::ref<int> none;
  EXPECT_FALSE(none);
  EXPECT_EQ(none, nullptr);
  gc::ref<int> some = gc::make<int>(5);
  EXPECT_TRUE(some);
  EXPECT_NE(some, nullptr);
  EXPECT_EQ(*some, 5);
  some = nullptr;
  EXPECT_EQ(some, none);
  EXPECT_EQ(some.get(), nullptr);
}

STILLPOINT_TASK_TEST(gc_ref, copies_refer_to_the_same) {
  gc::ref<list> a = gc::make<list>(nullptr, 3L);
  gc::ref<list> b = a;
  gc::ref<list> c = std::move(b);
  c->value = 4;
  EXPECT_EQ(a->value, 4);
  EXPECT_EQ(b, c); // a moved-from reference is as it was
  gc::ref<list> &self = a;
  a = self;
  EXPECT_EQ(a, c);
  std::swap(a->next, b);
  EXPECT_EQ(c->next, c);
  EXPECT_EQ(b, nullptr);
}

STILLPOINT_TASK_TEST(gc_ref, class_hierarchies) {
  gc::ref<derived> d = gc::make<derived>();
  gc::ref<middle> m = d;
  gc::ref<base> b = d;
  gc::ref<other> o = d;
  EXPECT_EQ(b->tag, 7);
  EXPECT_EQ(m->more, 8);
  EXPECT_EQ(o->much, 9);
  EXPECT_EQ(gc::ref<base>(m), b);
  EXPECT_EQ(b, d);
  EXPECT_EQ(static_cast<base *>(d.get()), b.get());
  EXPECT_EQ(gc::static_pointer_cast<derived>(o), d);
  EXPECT_EQ(gc::dynamic_pointer_cast<derived>(b), d);
  EXPECT_EQ(gc::dynamic_pointer_cast<other>(b), o);
  EXPECT_EQ(gc::dynamic_pointer_cast<derived>(gc::ref<base>(gc::make<base>())), nullptr);
  gc::ref<base> nothing = gc::ref<derived>();
  EXPECT_EQ(nothing, nullptr); // through a virtual base, too
}

STILLPOINT_TASK_TEST(gc_ref, const_and_void) {
  gc::ref<const long> c = gc::make<long>(6);
  gc::ref<const void> v = c;
  EXPECT_EQ(*gc::static_pointer_cast<const long>(v), 6);
  *gc::const_pointer_cast<long>(c) = 7;
  EXPECT_EQ(*c, 7);
  EXPECT_EQ(*gc::make<const int>(3), 3);
}

STILLPOINT_TASK_TEST(gc_ref, order_and_hash) {
  std::vector<gc::ref<int>, gc::allocator<gc::ref<int>>> all;
  for (int i = 0; i < 100; ++i)
    all.push_back(gc::make<int>(i));
  std::set<gc::ref<int>, std::less<>, gc::rooted_allocator<gc::ref<int>>> ordered(all.begin(), all.end());
  std::unordered_set<gc::ref<int>, std::hash<gc::ref<int>>, std::equal_to<>, gc::rooted_allocator<gc::ref<int>>> hashed(all.begin(),
                                                                                                                        all.end());
  gc::collect();
  EXPECT_EQ(ordered.size(), all.size());
  EXPECT_EQ(hashed.size(), all.size());
  for (const gc::ref<int> &r : all) {
    EXPECT_EQ(*ordered.find(r), r);
    EXPECT_TRUE(hashed.contains(r));
    EXPECT_EQ(r < all[0], r.get() < all[0].get());
  }
}

STILLPOINT_TASK_TEST(gc_ref, to_members_and_this) {
  struct self {
    long before = 1, value = 2;
    gc::ref<self> me() { return gc::ref_to(this); }
  };
  gc::ref<long> member;
  {
    gc::ref<self> s = gc::make<self>();
    EXPECT_EQ(s->me(), s);
    member = gc::ref_to(&s->value);
    s = nullptr;
  }
  for (int i = 0; i < 1000; ++i)
    static_cast<void>(gc::make<self>());
  gc::collect();
  EXPECT_EQ(*member, 2); // it kept the whole
}

[[gnu::noinline]] gc::ref<list> chain(long length) {
  gc::ref<list> head;
  for (long i = 0; i < length; ++i)
    head = gc::make<list>(head, i);
  return head;
}

STILLPOINT_TASK_TEST(gc_make, what_is_referred_to_lives) {
  gc::ref<list> kept = chain(1000);
  for (int i = 0; i < 4; ++i) {
    static_cast<void>(chain(1000));
    gc::collect();
  }
  long expected = 1000;
  for (gc::ref<list> l = kept; l; l = l->next)
    ASSERT_EQ(l->value, --expected);
  EXPECT_EQ(expected, 0);
}

STILLPOINT_TASK_TEST(gc_make, memory_is_zero_and_initialisers_run) {
  struct numbers {
    long a, b = 3;
    int c[5];
    gc::ref<int> r;
  };
  for (int i = 0; i < 1000; ++i) {
    gc::ref<numbers> n = gc::make<numbers>();
    ASSERT_EQ(n->a, 0);
    ASSERT_EQ(n->b, 3);
    ASSERT_EQ(n->c[4], 0);
    ASSERT_EQ(n->r, nullptr);
    n->a = n->c[4] = -1;
  }
}

STILLPOINT_TASK_TEST(gc_make, alignment) {
  struct alignas(64) line {
    char bytes[3];
  };
  std::vector<gc::ref<line>, gc::allocator<gc::ref<line>>> lines;
  for (int i = 0; i < 50; ++i) {
    lines.push_back(gc::make<line>());
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(lines.back().get()) % 64, 0u);
  }
}

std::atomic<int> destroyed;
struct counted {
  gc::ref<std::string> text;
  explicit counted(gc::ref<std::string> t) : text(t) {}
  ~counted() {
    if (*text == "a text that is too long for the string itself") // the member is still whole
      ++destroyed;
  }
};

[[gnu::noinline]] void make_and_drop(int count) {
  for (int i = 0; i < count; ++i)
    static_cast<void>(gc::make<counted>(gc::make<std::string>("a text that is too long for the string itself")));
}

STILLPOINT_TASK_TEST(gc_make, destructors_run_once_after_death) {
  destroyed = 0;
  make_and_drop(100);
  EXPECT_TRUE(collected_until([] { return destroyed >= 90; })); // the stack may still hold a few
  make_and_drop(100);
  EXPECT_TRUE(collected_until([] { return destroyed >= 190; }));
  EXPECT_LE(destroyed, 200);
}

std::atomic<int> destroyed_unmade;
struct unmade {
  gc::ref<std::string> text;
  explicit unmade(gc::ref<std::string> t) : text(t) {
    if (text->empty())
      throw std::invalid_argument("empty");
  }
  ~unmade() { ++destroyed_unmade; }
};

STILLPOINT_TASK_TEST(gc_make, not_destroyed_if_the_constructor_throws) {
  for (int i = 0; i < 100; ++i)
    EXPECT_THROW(static_cast<void>(gc::make<unmade>(gc::make<std::string>())), std::invalid_argument);
  gc::collect();
  gc::collect();
  stillpoint::sleep_for(std::chrono::milliseconds(1));
  EXPECT_EQ(destroyed_unmade, 0);
}

TEST(gc_make, outside_of_tasks_it_throws) { EXPECT_THROW(static_cast<void>(gc::make<int>(1)), std::logic_error); }

STILLPOINT_TASK_TEST(gc_stats, count) {
  const gc::statistics before = gc::stats();
  make_and_drop(1000);
  gc::collect();
  const gc::statistics after = gc::stats();
  EXPECT_GE(after.cycles, before.cycles + 1);
  EXPECT_GT(after.bytes_allocated, before.bytes_allocated);
  EXPECT_GT(after.pauses.total, before.pauses.total);
}

} // namespace
