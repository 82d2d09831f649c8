// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Memory that is touched before it is needed, and memory that goes back.
#include "gc/pages.h"
#include "heap_support.h"
#include "test/sched/support.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <sys/mman.h>
#include <thread>
#include <vector>

namespace stillpoint::test {
namespace {

using heap_ahead = alone;

bool is_resident(const stretch &s) {
  std::vector<unsigned char> pages(s.bytes / 4096);
  EXPECT_EQ(mincore(reinterpret_cast<void *>(s.at), s.bytes, pages.data()), 0);
  return std::all_of(pages.begin(), pages.end(), [](unsigned char page) { return (page & 1) != 0; });
}

std::size_t claim_all() {
  std::size_t count = 0;
  while (claim_ahead().bytes != 0)
    ++count;
  return count;
}

TEST_F(heap_ahead, memory_is_touched_ahead) {
  test_layout type(1000, {});
  claim_all();
  std::vector<stretch> claimed;
  for (int i = 0; i < 100000 && claimed.size() < 4; ++i) {
    make(type);
    if (const stretch s = claim_ahead(); s.bytes != 0) {
      EXPECT_FALSE(is_resident(s));
      touch(s);
      EXPECT_TRUE(is_resident(s));
      for (const stretch &earlier : claimed)
        EXPECT_LE(earlier.at + earlier.bytes, s.at);
      claimed.push_back(s);
    }
  }
  ASSERT_EQ(claimed.size(), 4u);
  bool used = false;
  for (int i = 0; i < 100000 && !used; ++i) {
    const std::uintptr_t object = make(type);
    EXPECT_EQ(word(object, 0), 0u);
    used = object >= claimed.back().at;
  }
  EXPECT_TRUE(used);
}

TEST_F(heap_ahead, touching_changes_nothing) {
  alignas(4096) static std::array<std::atomic<std::uint64_t>, 16 * 4096 / 8> memory;
  const stretch s{reinterpret_cast<std::uintptr_t>(memory.data()), sizeof memory};
  std::atomic<bool> stop = false;
  std::thread other([&] {
    while (!stop)
      touch(s);
  });
  constexpr std::uint64_t times = 200'000;
  for (std::uint64_t i = 0; i < 16 * times; ++i) {
    std::atomic<std::uint64_t> &first = memory[i % 16 * 4096 / 8];
    first.store(first.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }
  stop = true;
  other.join();
  for (std::size_t page = 0; page < 16; ++page)
    EXPECT_EQ(memory[page * 4096 / 8].load(), times);
}

TEST_F(heap_ahead, nothing_is_touched_ahead_beyond_the_limit) {
  claim_all();
  std::size_t claimed = 0;
  const rt::gc::page_counts now_used = count_pages();
  set_page_limit(now_used.used + now_used.dirty + 1000);
  test_layout type(1000, {});
  while (make(type) != 0)
    claimed += claim_all();
  EXPECT_EQ(claimed, 0u);
  set_page_limit(0);
}

// A stop of the world does not wait for who does it.
TEST(heap_ahead_run, tasks_touch_it_in_announced_calls) {
  const with_variable gc("STILLPOINT_GC", "off");
  run_on(1, [] {
    test_layout type(1000, {});
    const auto calls = [] { return rt::this_worker()->held->call.load(); };
    const std::uint64_t before = calls();
    for (int i = 0; i < 1'000'000 && calls() == before; ++i)
      gc::detail::allocate(type);
    EXPECT_GT(calls(), before);
  });
}

TEST(heap_ahead_run, what_nobody_wants_goes_back) {
  run_on(1, [] {
    test_layout type(1000, {});
    const std::uint64_t before = gc::stats().returned_bytes;
    for (int i = 0; i < 50'000; ++i)
      gc::detail::allocate(type);
    EXPECT_TRUE(eventually([&] {
      gc::collect();
      sleep_for(std::chrono::milliseconds(20));
      return gc::stats().returned_bytes > before;
    }));
  });
}

} // namespace
} // namespace stillpoint::test
