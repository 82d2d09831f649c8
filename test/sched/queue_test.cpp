// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The ring that others steal from.
#include "sched/queue.h"

#include <atomic>
#include <gtest/gtest.h>
#include <memory>
#include <thread>
#include <vector>

namespace stillpoint::test {
namespace {

using rt::run_queue;
using rt::task;

TEST(run_queue_test, first_in_first_out_and_bounded) {
  const auto tasks = std::make_unique<task[]>(run_queue::capacity + 1);
  run_queue q;
  EXPECT_TRUE(q.empty());
  EXPECT_EQ(q.pop(), nullptr);
  EXPECT_EQ(q.oldest(), UINT64_MAX);
  for (int turn = 0; turn < 3; ++turn) {
    for (std::uint32_t i = 0; i < run_queue::capacity; ++i)
      ASSERT_TRUE(q.push(tasks[i]));
    EXPECT_FALSE(q.push(tasks[run_queue::capacity]));
    EXPECT_EQ(q.size(), run_queue::capacity);
    for (std::uint32_t i = 0; i < run_queue::capacity; ++i)
      ASSERT_EQ(q.pop(), &tasks[i]);
    EXPECT_TRUE(q.empty());
  }
}

TEST(run_queue_test, thieves_take_the_older_half) {
  task tasks[5];
  run_queue q;
  for (task &t : tasks)
    q.push(t);
  std::array<task *, run_queue::capacity / 2> taken;
  EXPECT_EQ(q.take_half(taken), 3u);
  EXPECT_EQ(taken[0], &tasks[0]);
  EXPECT_EQ(taken[2], &tasks[2]);
  EXPECT_EQ(q.pop(), &tasks[3]);
  EXPECT_EQ(q.take_half(taken), 1u);
  EXPECT_EQ(q.take_half(taken), 0u);
}

// Whoever takes them: what was there when the mark was set is ahead of what came later.
TEST(run_queue_test, the_mark_is_behind_what_was_there) {
  task tasks[6];
  run_queue q;
  EXPECT_FALSE(q.marked());
  for (int i = 0; i < 4; ++i)
    q.push(tasks[i]);
  EXPECT_FALSE(q.marked());
  q.mark();
  q.push(tasks[4]);
  q.push(tasks[5]);
  EXPECT_EQ(q.front(), &tasks[0]);
  std::array<task *, run_queue::capacity / 2> taken;
  EXPECT_EQ(q.take_half(taken), 3u);
  EXPECT_TRUE(q.marked());
  EXPECT_EQ(q.front(), &tasks[3]);
  EXPECT_EQ(q.pop(), &tasks[3]);
  EXPECT_FALSE(q.marked());
  EXPECT_EQ(q.pop(), &tasks[4]);
  EXPECT_FALSE(q.marked());
  q.mark();
  EXPECT_TRUE(q.marked());
  q.unmark();
  EXPECT_FALSE(q.marked());
  EXPECT_EQ(q.pop(), &tasks[5]);
  EXPECT_EQ(q.front(), nullptr);
}

// Every task comes out exactly once, whoever takes it.
TEST(run_queue_test, nothing_is_lost_or_doubled) {
  constexpr std::uint32_t many = 200'000;
  const auto tasks = std::make_unique<task[]>(many);
  const auto times = std::make_unique<std::atomic<int>[]>(many);
  run_queue q;
  std::atomic<std::uint32_t> out = 0;
  const auto count = [&](const task *t) {
    ++times[static_cast<std::size_t>(t - tasks.get())];
    ++out;
  };
  std::vector<std::thread> thieves;
  for (int i = 0; i < 3; ++i)
    thieves.emplace_back([&] {
      std::array<task *, run_queue::capacity / 2> taken;
      while (out < many) {
        const std::uint32_t n = q.take_half(taken);
        for (std::uint32_t k = 0; k < n; ++k)
          count(taken[k]);
        if (n == 0)
          std::this_thread::yield();
      }
    });
  for (std::uint32_t i = 0; i < many;) {
    if (q.push(tasks[i]))
      ++i;
    if (i % 3 == 0)
      if (const task *const t = q.pop())
        count(t);
  }
  while (const task *const t = q.pop())
    count(t);
  for (std::thread &t : thieves)
    t.join();
  for (std::uint32_t i = 0; i < many; ++i)
    ASSERT_EQ(times[i], 1) << i;
}

} // namespace
} // namespace stillpoint::test
