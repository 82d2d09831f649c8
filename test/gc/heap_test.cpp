// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The heap by itself: sizes, pointers into cells, arrays, large objects, sweeping, memory given back.
#include "heap_support.h"

#include <cstring>
#include <new>
#include <set>

namespace stillpoint::test {
namespace {

using heap = alone;

TEST(heap_sizes, a_byte_more_than_the_object) {
  EXPECT_EQ(padded(1, 1), 16u);
  EXPECT_EQ(padded(15, 1), 16u);
  EXPECT_EQ(padded(16, 8), 24u);
  EXPECT_EQ(padded(24, 8), 32u);
  EXPECT_EQ(padded(16, 16), 32u);
  EXPECT_EQ(padded(64, 64), 128u);
  for (std::size_t size = 1; size < 9000; ++size)
    EXPECT_GT(padded(size, 8), size);
}

TEST(heap_sizes, the_multiplication_is_the_division) {
  for (std::uint32_t size = smallest_cell; size <= largest_small_cell; size += 8) {
    span s;
    s.magic = magic_for(size);
    for (std::uint32_t offset = 0; offset < 8 * page_size; offset += offset % size < 8 || offset % size > size - 8 ? 1 : size / 3)
      ASSERT_EQ(cell_of(s, offset), offset / size) << size << " " << offset;
  }
}

TEST_F(heap, cells_are_zero_apart_and_aligned) {
  for (const std::uint32_t alignment : {8u, 16u, 64u, 4096u, 16384u}) {
    test_layout type(alignment * 3, {}, alignment);
    std::set<std::uintptr_t> seen;
    for (int i = 0; i < 100; ++i) {
      const std::uintptr_t object = make(type);
      ASSERT_NE(object, 0u);
      EXPECT_EQ(object % alignment, 0u);
      for (std::uint32_t b = 0; b < type.get().size; ++b)
        ASSERT_EQ(reinterpret_cast<const char *>(object)[b], 0);
      std::memset(reinterpret_cast<void *>(object), 0xff, type.get().size);
      EXPECT_TRUE(seen.empty() || *seen.rbegin() + type.get().size < object || !seen.contains(object));
      seen.insert(object);
    }
    EXPECT_EQ(seen.size(), 100u);
  }
}

TEST_F(heap, used_again_zeroed) {
  test_layout type(48, {});
  for (int round = 0; round < 5; ++round) {
    for (int i = 0; i < 1000; ++i) {
      const std::uintptr_t object = make(type);
      for (std::size_t at = 0; at < 48; at += 8) {
        ASSERT_EQ(word(object, at), 0u);
        word(object, at) = ~0ull;
      }
    }
    collect();
  }
}

TEST_F(heap, a_list_stays_and_the_rest_goes) {
  test_layout node(16, {0});
  std::uintptr_t head = 0;
  std::vector<std::uintptr_t> kept, lost;
  for (int i = 0; i < 5000; ++i) {
    lost.push_back(make(node));
    const std::uintptr_t n = make(node);
    word(n, 0) = head;
    word(n, 8) = lost.back(); // no reference: does not keep it
    head = n;
    kept.push_back(n);
  }
  roots = {head};
  collect();
  for (const std::uintptr_t n : kept)
    ASSERT_TRUE(is_allocated(n));
  for (const std::uintptr_t n : lost)
    ASSERT_FALSE(is_allocated(n));
}

TEST_F(heap, pointers_into_an_object_and_one_past_its_end) {
  for (const std::uint32_t size : {8u, 16u, 24u, 40u, 120u, 1000u, 8000u, 100000u}) {
    test_layout type(size, {});
    for (const std::uint32_t offset : {0u, 1u, size / 2, size - 1, size}) {
      std::vector<std::uintptr_t> objects;
      for (int i = 0; i < 20; ++i)
        objects.push_back(make(type));
      roots = {objects[7] + offset};
      collect();
      for (int i = 0; i < 20; ++i)
        ASSERT_EQ(is_allocated(objects[static_cast<unsigned>(i)]), i == 7) << size << "+" << offset << " object " << i;
      roots.clear();
    }
  }
}

TEST_F(heap, words_that_point_to_no_object) {
  test_layout type(24, {});
  const std::uintptr_t object = make(type);
  const std::uintptr_t page = object & ~(page_size - 1);
  const int local = 0;
  roots = {1,
           ~0ull,
           0xdbdbdbdbdbdbdbdbull,
           reinterpret_cast<std::uintptr_t>(&local),
           range.base + range.size - 1,
           range.base + range.size,
           page + page_size - 1,
           object};
  collect();
  EXPECT_TRUE(is_allocated(object));
}

TEST_F(heap, references_beyond_word_63) {
  test_layout type(2000, {8, 1000, 1992});
  test_layout leaf(8, {});
  const std::uintptr_t object = make(type);
  for (const std::size_t at : {8u, 1000u, 1992u})
    word(object, at) = make(leaf);
  word(object, 16) = make(leaf);
  const std::uintptr_t lost = word(object, 16);
  roots = {object};
  collect();
  for (const std::size_t at : {8u, 1000u, 1992u})
    EXPECT_TRUE(is_allocated(word(object, at)));
  EXPECT_FALSE(is_allocated(lost));
}

TEST_F(heap, arrays) {
  test_layout element(24, {8});
  test_layout leaf(8, {});
  for (const bool header : {false, true})
    for (const std::size_t count : {0u, 1u, 2u, 10u, 100u, 341u, 342u, 1000u, 30000u}) {
      const std::uintptr_t array = make_array(element, count, header);
      ASSERT_NE(array, 0u);
      const std::uintptr_t first = array + (header ? 16 : 0);
      roots = {first + count * 24}; // one past the end
      std::vector<std::uintptr_t> leaves;
      for (std::size_t i = 0; i < count; ++i) {
        ASSERT_EQ(word(first, i * 24), 0u);
        leaves.push_back(word(first, i * 24 + 8) = make(leaf));
      }
      collect();
      EXPECT_TRUE(is_allocated(array));
      for (const std::uintptr_t l : leaves)
        ASSERT_TRUE(is_allocated(l));
      roots.clear();
      collect();
      EXPECT_FALSE(is_allocated(array));
    }
}

TEST_F(heap, arrays_of_every_size_hold_what_they_promise) {
  test_layout byte(1, {}, 1);
  for (std::size_t count = 0; count < 9000; count += 7) {
    const std::uintptr_t array = make_array(byte, count, true);
    const place p = find(array);
    ASSERT_TRUE(p);
    EXPECT_GE(p.in->bytes, count + 17);
    if (count > 256) {
      EXPECT_LE(p.in->bytes, (count + 17) * 9 / 8 + page_size * (count + 17 > largest_small_cell));
    }
  }
}

TEST_F(heap, arrays_that_are_too_long) {
  test_layout element(24, {8});
  std::size_t bytes = 0;
  EXPECT_THROW(class_of_array(element, SIZE_MAX, true, bytes), std::bad_array_new_length);
  EXPECT_THROW(class_of_array(element, SIZE_MAX / 24 + 1, false, bytes), std::bad_array_new_length);
}

TEST_F(heap, large_objects_come_back) {
  test_layout byte(1, {}, 1);
  const std::size_t size = std::size_t{3} << 20;
  const std::uint64_t before = count_pages().used;
  for (int i = 0; i < 50; ++i) {
    const std::uintptr_t object = make_array(byte, size, false);
    ASSERT_NE(object, 0u);
    EXPECT_EQ(word(object, size - 8), 0u);
    word(object, size - 8) = ~0ull;
    collect();
  }
  finish_sweeping();
  EXPECT_LE(count_pages().used, before + 2 * size / page_size);
}

TEST_F(heap, memory_goes_back_to_the_system) {
  test_layout type(56, {});
  for (int i = 0; i < 400000; ++i)
    make(type);
  collect();
  finish_sweeping();
  EXPECT_GE(count_pages().dirty, 400000 * 64 / page_size / 2);
  return_idle_pages(SIZE_MAX); // remembers what is free now
  return_idle_pages(SIZE_MAX);
  EXPECT_LT(count_pages().dirty, 3 * (std::size_t{2} << 20) / page_size); // whole huge pages only, and there are several pieces
  const std::uintptr_t object = make(type);
  EXPECT_EQ(word(object, 0), 0u);
}

TEST_F(heap, the_limit_holds) {
  const rt::gc::page_counts now_used = count_pages();
  set_page_limit(now_used.used + now_used.dirty + 100);
  test_layout type(4000, {});
  int count = 0;
  while (make(type) != 0 && count < 100000)
    ++count;
  EXPECT_GE(count, 150);
  EXPECT_LT(count, 2000);
  collect();
  EXPECT_NE(make(type), 0u);
  set_page_limit(0);
}

TEST_F(heap, marking_keeps_what_is_new) {
  test_layout node(16, {0});
  const std::uintptr_t before = make(node);
  begin();
  std::vector<std::uintptr_t> during;
  for (int i = 0; i < 2000; ++i)
    during.push_back(make(node));
  finish();
  EXPECT_FALSE(is_allocated(before));
  for (const std::uintptr_t n : during)
    ASSERT_TRUE(is_allocated(n));
  collect();
  for (const std::uintptr_t n : during)
    ASSERT_FALSE(is_allocated(n));
}

TEST_F(heap, what_is_stored_while_marking_stays) {
  test_layout node(16, {0});
  const std::uintptr_t holder = make(node);
  const std::uintptr_t hidden = make(node);
  word(hidden, 0) = make(node);
  roots = {holder};
  begin();
  drain(mine, SIZE_MAX);
  word(holder, 0) = hidden; // behind the marker's back
  __stillpoint_write_barrier(reinterpret_cast<gc::detail::raw_ref>(hidden));
  finish();
  EXPECT_TRUE(is_allocated(hidden));
  EXPECT_TRUE(is_allocated(word(hidden, 0)));
}

TEST_F(heap, what_is_copied_while_marking_stays) {
  test_layout element(8, {0});
  test_layout node(16, {0});
  for (const std::size_t count : {3u, 4096u, 4097u, 30000u}) {
    const std::uintptr_t array = make_array(element, count + 1, false);
    std::vector<std::uintptr_t> source(count);
    roots = {array};
    for (std::uintptr_t &s : source)
      s = make(node);
    begin();
    drain(mine, SIZE_MAX);
    __stillpoint_copy_references(reinterpret_cast<void *>(array), source.data(), count * 8);
    __stillpoint_copy_references(reinterpret_cast<void *>(array + 8), reinterpret_cast<void *>(array), count * 8); // overlaps
    finish();
    EXPECT_EQ(word(array, 0), source[0]);
    for (std::size_t i = 0; i < count; ++i) {
      ASSERT_EQ(word(array, 8 * i + 8), source[i]);
      ASSERT_TRUE(is_allocated(source[i]));
    }
    __stillpoint_copy_references(reinterpret_cast<void *>(array), reinterpret_cast<void *>(array + 8), count * 8);
    for (std::size_t i = 0; i < count; ++i)
      ASSERT_EQ(word(array, 8 * i), source[i]);
    roots.clear();
  }
}

TEST_F(heap, registered_roots) {
  test_layout node(16, {0});
  std::uintptr_t global = make(node);
  add_root(&global);
  add_root(&global);
  auto *const block = static_cast<std::uintptr_t *>(allocate_rooted(node));
  EXPECT_EQ(block[0], 0u);
  block[0] = make(node);
  const std::uintptr_t rooted = block[0];
  block[1] = make(node);
  const std::uintptr_t lost = block[1];
  collect();
  EXPECT_TRUE(is_allocated(global));
  EXPECT_TRUE(is_allocated(rooted));
  EXPECT_FALSE(is_allocated(lost));
  remove_root(&global);
  collect();
  EXPECT_TRUE(is_allocated(global));
  remove_root(&global);
  free_rooted(block);
  collect();
  EXPECT_FALSE(is_allocated(global));
  EXPECT_FALSE(is_allocated(rooted));
}

TEST_F(heap, several_rooted_objects) {
  test_layout node(24, {0, 16});
  auto *const block = static_cast<std::uintptr_t *>(allocate_rooted(node, 3));
  std::uintptr_t expected[9];
  for (int i = 0; i < 9; ++i)
    expected[i] = block[i] = make(node);
  collect();
  for (int i = 0; i < 9; ++i)
    EXPECT_EQ(is_allocated(expected[i]), i % 3 != 1) << i;
  free_rooted(block);
  EXPECT_THROW(allocate_rooted(node, SIZE_MAX / 8), std::bad_alloc);
}

int destroyed_values = 0;

void count_value(void *object) { destroyed_values += static_cast<int>(*static_cast<std::uintptr_t *>(object)); }

TEST_F(heap, dead_objects_with_destructors_wait_with_all_they_refer_to) {
  test_layout type(24, {8, 16}, 8, count_value);
  const std::uintptr_t a = make(type), b = make(type), c = make(type);
  word(a, 8) = b; // a cycle, and something behind it
  word(b, 8) = a;
  word(b, 16) = c;
  expect_destructor(a);
  expect_destructor(b);
  const std::size_t before = dying();
  collect();
  EXPECT_EQ(dying(), before + 2);
  collect();
  EXPECT_EQ(dying(), before + 2);
  EXPECT_TRUE(is_allocated(a) && is_allocated(b) && is_allocated(c));
}

TEST_F(heap, weak_cells) {
  test_layout type(24, {8});
  const auto weak_to = [&](std::uintptr_t target) {
    const auto cell = reinterpret_cast<std::uintptr_t>(take_cell(mine, class_of_weak_cells(), 0));
    word(cell, 0) = target;
    return cell;
  };
  const std::uintptr_t held = make(type), dropped = make(type);
  const std::uintptr_t to_held = weak_to(held), to_inside = weak_to(held + 8), to_dropped = weak_to(dropped), to_nothing = weak_to(0);
  roots = {held, to_held, to_inside, to_dropped, to_nothing};
  collect();
  EXPECT_EQ(word(to_held, 0), held);
  EXPECT_EQ(word(to_inside, 0), held + 8);
  EXPECT_EQ(word(to_dropped, 0), 0u);
  EXPECT_EQ(word(to_nothing, 0), 0u);
  EXPECT_FALSE(is_allocated(dropped));
}

TEST_F(heap, poison_fills_and_waits) {
  heap_now.poison = true;
  test_layout type(24, {8});
  const std::uintptr_t object = make(type);
  word(object, 0) = 1;
  collect();
  EXPECT_EQ(word(object, 0), 0xdbdbdbdbdbdbdbdbull);
  for (int i = 0; i < 1000; ++i)
    EXPECT_NE(make(type), object);
  collect();
  finish_sweeping();
  EXPECT_FALSE(is_allocated(object));
}

TEST_F(heap, poison_finds_late_writes) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_DEATH(
      {
        heap_now.poison = true;
        test_layout type(24, {8});
        const std::uintptr_t object = make(type);
        collect();
        word(object, 16) = 1;
        collect();
      },
      "stillpoint: gcpoison: byte 16 of an object of type test type was written after the object had been freed");
}

TEST_F(heap, layouts_that_make_no_sense) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_DEATH(
      {
        test_layout type(16, {12});
        make(type);
      },
      "stillpoint: the layout of type test type makes no sense");
}

} // namespace
} // namespace stillpoint::test
