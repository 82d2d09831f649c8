// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Collections while tasks run. The tests are foreign code, in whose frames no reference is listed: what they hold, they root.
#include "heap_support.h"
#include "runtime/map/registry.h"
#include "test/sched/support.h"

#include <atomic>
#include <thread>

namespace stillpoint::test {
namespace {

using gc::detail::raw_ref;

std::uintptr_t word_of(raw_ref r) { return reinterpret_cast<std::uintptr_t>(r); }
std::uintptr_t &at(raw_ref r, std::size_t offset) { return *reinterpret_cast<std::uintptr_t *>(word_of(r) + offset); }

// A root for as long as it lives.
struct rooted {
  raw_ref value = nullptr;
  rooted() { gc::detail::add_root(&value); }
  ~rooted() { gc::detail::remove_root(&value); }
  rooted(const rooted &) = delete;
  rooted &operator=(const rooted &) = delete;
};

test_layout &tree_type() {
  static test_layout type(24, {0, 8});
  return type;
}

// What compiled code does.
void store(raw_ref into, std::size_t offset, raw_ref value) {
  __atomic_store_n(&at(into, offset), word_of(value), __ATOMIC_RELAXED);
  if (rt::gc::heap_now.marking.load(std::memory_order_relaxed))
    __stillpoint_write_barrier(value);
}

void build(rooted &out, int depth) {
  out.value = gc::detail::allocate(tree_type());
  at(out.value, 16) = static_cast<std::uintptr_t>(depth);
  if (depth == 0)
    return;
  for (const std::size_t side : {0u, 8u}) {
    rooted child;
    build(child, depth - 1);
    store(out.value, side, child.value);
  }
}

std::size_t count(std::uintptr_t node, int depth) {
  if (!node)
    return 0;
  const auto *const words = reinterpret_cast<const std::uintptr_t *>(node);
  EXPECT_EQ(words[2], static_cast<std::uintptr_t>(depth));
  return 1 + count(words[0], depth - 1) + count(words[1], depth - 1);
}

class heap_run : public on_processors {};
STILLPOINT_ON_PROCESSORS(heap_run);

TEST_P(heap_run, trees_come_and_go) {
  run_on(GetParam(), [] {
    const std::uint64_t before = gc::stats().cycles;
    rooted kept;
    build(kept, 14);
    for (int i = 0; i < 40; ++i) {
      rooted tree;
      build(tree, 12);
      ASSERT_EQ(count(word_of(tree.value), 12), (std::size_t{2} << 12) - 1);
    }
    EXPECT_EQ(count(word_of(kept.value), 14), (std::size_t{2} << 14) - 1);
    gc::collect();
    EXPECT_GT(gc::stats().cycles, before);
    EXPECT_EQ(count(word_of(kept.value), 14), (std::size_t{2} << 14) - 1);
    EXPECT_GE(gc::stats().live_bytes, ((std::uint64_t{2} << 14) - 1) * 32);
  });
}

TEST_P(heap_run, many_tasks) {
  run_on(GetParam(), [] {
    wait_group all;
    for (int t = 0; t < 8; ++t) {
      all.add();
      go([&all, t] {
        rooted kept;
        build(kept, 8 + t % 3);
        for (int i = 0; i < 20; ++i) {
          rooted tree;
          build(tree, 10);
          EXPECT_EQ(count(word_of(tree.value), 10), (std::size_t{2} << 10) - 1);
          if (i % 10 == t)
            gc::collect();
          yield();
        }
        EXPECT_EQ(count(word_of(kept.value), 8 + t % 3), (std::size_t{2} << (8 + t % 3)) - 1);
        all.done();
      });
    }
    all.wait();
  });
}

TEST_P(heap_run, collect_returns_after_a_whole_collection) {
  run_on(GetParam(), [] {
    for (int i = 0; i < 20; ++i) {
      rooted cell;
      cell.value = gc::detail::make_weak(gc::detail::allocate(tree_type()));
      EXPECT_NE(gc::detail::weak_target(cell.value), nullptr);
      gc::collect();
      EXPECT_EQ(gc::detail::weak_target(cell.value), nullptr);
    }
  });
}

std::atomic<int> destroyed_count{0};

TEST_P(heap_run, destructors_run_once) {
  static test_layout type(16, {0}, 8, [](void *object) {
    EXPECT_EQ(static_cast<std::uintptr_t *>(object)[1], 77u);
    ++destroyed_count;
  });
  destroyed_count = 0;
  run_on(GetParam(), [] {
    for (int i = 0; i < 100; ++i) {
      const raw_ref object = gc::detail::allocate(type);
      at(object, 8) = 77;
      if (i % 2 == 0)
        gc::detail::constructed(object, type);
    }
    gc::collect();
    EXPECT_TRUE(eventually([] { return destroyed_count == 50; }));
    gc::collect();
    gc::collect();
    EXPECT_TRUE(eventually([] { return destroyed_count == 50; }));
  });
}

// The destructors' task is taken up in every way there is, also straight from a task that yields.
TEST_P(heap_run, destructors_run_between_tasks_that_yield) {
  static test_layout type(16, {0}, 8, [](void *) { ++destroyed_count; });
  destroyed_count = 0;
  constexpr int tasks = 8, rounds = 60;
  run_on(GetParam(), [] {
    wait_group all;
    all.add(tasks);
    for (int t = 0; t < tasks; ++t)
      go([&all, t] {
        for (int i = 0; i < rounds; ++i) {
          gc::detail::constructed(gc::detail::allocate(type), type);
          if (i % tasks == t)
            gc::collect();
          for (int k = 0; k < 50; ++k)
            yield();
        }
        all.done();
      });
    all.wait();
    gc::collect();
    EXPECT_TRUE(eventually([] { return destroyed_count == tasks * rounds; }));
  });
}

TEST_P(heap_run, arrays_are_destroyed_from_the_back) {
  static std::atomic<int> sequence{0};
  static test_layout type(8, {}, 8, [](void *object) {
    const int next = sequence.load();
    EXPECT_EQ(*static_cast<std::uintptr_t *>(object), static_cast<std::uintptr_t>(9 - next));
    sequence = next + 1;
  });
  sequence = 0;
  run_on(GetParam(), [] {
    const raw_ref array = gc::detail::allocate_array(type, 10, true);
    EXPECT_EQ(at(array, 0), 10u);
    for (std::size_t i = 0; i < 10; ++i)
      at(array, 16 + 8 * i) = i;
    gc::detail::constructed(array, type);
    gc::collect();
    EXPECT_TRUE(eventually([] { return sequence == 10; }));
  });
}

TEST_P(heap_run, a_collection_at_every_allocation) {
  const with_variable stress("STILLPOINT_DEBUG", "gcstress=alloc");
  run_on(GetParam(), [] {
    rooted kept;
    build(kept, 6);
    for (int i = 0; i < 3; ++i) {
      rooted tree;
      build(tree, 6);
      EXPECT_EQ(count(word_of(tree.value), 6), 127u);
    }
    const raw_ref lost = gc::detail::allocate(tree_type());
    const std::uintptr_t address = word_of(lost);
    at(lost, 16) = 5;
    kept.value = gc::detail::allocate(tree_type());
    EXPECT_EQ(reinterpret_cast<std::uintptr_t *>(address)[2], 0xdbdbdbdbdbdbdbdbull);
  });
}

TEST_P(heap_run, a_collection_at_every_preemption) {
  const with_variable stress("STILLPOINT_DEBUG", "gcstress=preempt");
  const with_variable slice("STILLPOINT_SLICE", "100us");
  run_on(GetParam(), [] {
    rooted tree;
    for (int i = 0; i < 10; ++i) {
      build(tree, 10);
      EXPECT_EQ(count(word_of(tree.value), 10), (std::size_t{2} << 10) - 1);
    }
  });
}

TEST_P(heap_run, the_limit_is_an_exception_that_names_it) {
  const with_variable limit("STILLPOINT_MEMORY_LIMIT", "64M");
  run_on(GetParam(), [] {
    static test_layout chunk(1 << 20, {0});
    rooted list;
    std::string what;
    int made = 0;
    try {
      for (; made < 200; ++made) {
        const raw_ref next = gc::detail::allocate(chunk);
        store(next, 0, list.value);
        list.value = next;
      }
    } catch (const std::bad_alloc &e) {
      what = e.what();
    }
    EXPECT_GE(made, 40);
    EXPECT_LT(made, 64);
    EXPECT_EQ(what, "stillpoint: the collected heap has reached STILLPOINT_MEMORY_LIMIT (67108864 bytes)");
    list.value = nullptr;
    for (int i = 0; i < 500; ++i) // garbage makes room
      ASSERT_NE(gc::detail::allocate(chunk), nullptr);
  });
  run_on(1, [] {}); // sets nothing: the next one allocates
}

TEST(heap_errors, outside_of_tasks) {
  const auto message_of = [](auto &&f) {
    try {
      f();
    } catch (const std::logic_error &e) {
      return std::string(e.what());
    }
    return std::string("no std::logic_error");
  };
  EXPECT_EQ(message_of([] { gc::detail::allocate(tree_type()); }),
            "stillpoint: gc::make() called outside a task: only inside stillpoint::run()");
  EXPECT_EQ(message_of([] { gc::collect(); }), "stillpoint: gc::collect() called outside a task: only inside stillpoint::run()");
  run_on(1, [&] {
    gc::detail::allocate(tree_type());
    std::thread other([&] {
      EXPECT_EQ(message_of([] { gc::detail::allocate(tree_type()); }),
                "stillpoint: gc::make() called outside a task: only inside stillpoint::run()");
    });
    other.join();
  });
}

// What compiled code of another release would register.
void collect_beside_refused_tables() {
  abi::module_descriptor newer{};
  newer.magic = abi::descriptor_magic;
  newer.version = abi::version + 1;
  __stillpoint_register_tables(&newer);
  run([] { gc::collect(); });
}

TEST(gc_run_death, nothing_is_collected_beside_refused_tables) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_DEATH(collect_beside_refused_tables(), "nothing can be collected: the tables of a module are refused");
}

} // namespace
} // namespace stillpoint::test
