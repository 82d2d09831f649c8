// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Tasks that spend their time in foreign code, with the real scheduler and the collector: they are stopped where that returns.
#include "stillpoint/gc.hpp"
#include "stillpoint/stillpoint.hpp"
#include "test/preempt/managed/storm.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <gtest/gtest.h>
#include <string>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

namespace {

using namespace stillpoint;
using namespace std::chrono_literals;
using test::deadline;
using test::storm;

constexpr auto long_time = 20s;

std::uint64_t stops() { return read_metrics().stops_at_return; }

// Does `round` again and again until so many tasks were stopped at returns; whether they were, before the limit.
template <class Round>
bool until_stopped(std::uint64_t how_often, Round round) {
  const deadline limit(long_time);
  const std::uint64_t before = stops();
  do
    round();
  while (stops() - before < how_often && !limit.passed());
  return stops() - before >= how_often;
}

// With another task that wants the processor.
template <class Function>
void beside_another(const char *debug, Function f) {
  test::set_environment(1, "100us", debug);
  stillpoint::run([&] {
    std::atomic<bool> over{false};
    wait_group all;
    all.add();
    go([&] {
      while (!over)
        yield();
      all.done();
    });
    f();
    over = true;
    all.wait();
  });
}

TEST(returns, a_loop_of_copies_gives_way) {
  std::vector<char> from(1 << 20, 'a'), to(1 << 20);
  beside_another("", [&] {
    EXPECT_TRUE(until_stopped(20, [&] {
      from[5]++;
      std::memcpy(to.data(), from.data(), to.size());
      EXPECT_EQ(to[5], from[5]);
    }));
  });
}

TEST(returns, a_sort_with_callbacks_gives_way_behind_it) {
  std::vector<int> numbers(3000);
  beside_another("", [&] {
    EXPECT_TRUE(until_stopped(20, [&] {
      for (std::size_t i = 0; i < numbers.size(); ++i)
        numbers[i] = static_cast<int>((i * 7919) % 3001);
      std::qsort(numbers.data(), numbers.size(), sizeof(int),
                 [](const void *a, const void *b) { return *static_cast<const int *>(a) - *static_cast<const int *>(b); });
      EXPECT_TRUE(std::is_sorted(numbers.begin(), numbers.end()));
    }));
  });
}

TEST(returns, a_loop_of_allocations_gives_way) {
  beside_another("", [&] {
    EXPECT_TRUE(until_stopped(20, [&] {
      for (std::size_t size = 16; size < 40'000; size *= 2) {
        void *const block = std::malloc(size);
        std::memset(block, 1, 16);
        std::free(block);
      }
    }));
  });
}

TEST(returns, off_means_off) {
  std::vector<char> from(1 << 16, 'a'), to(1 << 16);
  const metrics before = read_metrics();
  beside_another("returntraps=0", [&] {
    const storm blowing;
    const deadline limit(long_time);
    constexpr auto off = static_cast<std::size_t>(return_refusal::off);
    while (read_metrics().return_refusals[off] - before.return_refusals[off] < 20 && !limit.passed())
      std::memcpy(to.data(), from.data(), to.size());
    EXPECT_FALSE(limit.passed());
  });
  EXPECT_EQ(read_metrics().return_traps, before.return_traps);
}

struct node {
  gc::ref<node> next;
  std::uint64_t number = 0;
};

gc::ref<node> list_of(std::uint64_t count) {
  gc::ref<node> first;
  for (std::uint64_t i = 0; i < count; ++i) {
    gc::ref<node> n = gc::make<node>();
    n->next = first;
    n->number = i;
    first = n;
  }
  return first;
}

std::uint64_t sum_of(gc::ref<node> n) {
  std::uint64_t sum = 0;
  for (; n; n = n->next)
    sum += n->number;
  return sum;
}

std::uint64_t seen_by_callbacks;

// The collector walks the frames of both, and the foreign ones between them. Most of the time goes into copies: signals must hit the task, also where they
// take long to arrive, and behind the latest collection, which is a stop by itself.
int compare_and_collect(const void *a, const void *b) {
  static std::vector<char> from(1 << 20, 'a'), to(1 << 20);
  const gc::ref<node> mine = list_of(20);
  std::memcpy(to.data(), from.data(), to.size());
  gc::collect();
  seen_by_callbacks += sum_of(mine);
  std::memcpy(to.data(), from.data(), to.size());
  return *static_cast<const int *>(a) - *static_cast<const int *>(b);
}

void collect_below_foreign_code() {
  int numbers[] = {5, 2, 9, 1};
  const gc::ref<node> mine = list_of(50);
  seen_by_callbacks = 0;
  std::qsort(numbers, std::size(numbers), sizeof(int), compare_and_collect);
  EXPECT_EQ(sum_of(mine), 49u * 50 / 2);
  EXPECT_EQ(seen_by_callbacks % (19 * 20 / 2), 0u);
  EXPECT_TRUE(std::is_sorted(std::begin(numbers), std::end(numbers)));
}

TEST(returns, collections_see_through_traps) {
  beside_another("gcpoison=1", [&] {
    const storm blowing;
    EXPECT_TRUE(until_stopped(10, collect_below_foreign_code));
  });
}

TEST(returns, every_stop_a_collection) {
  std::vector<char> from(1 << 12, 'a'), to(1 << 12);
  beside_another("gcstress=preempt", [&] {
    const storm blowing(200us);
    EXPECT_TRUE(until_stopped(30, [&] {
      const gc::ref<node> mine = list_of(10);
      for (int i = 0; i < 20; ++i)
        std::memcpy(to.data(), from.data(), to.size());
      EXPECT_EQ(sum_of(mine), 45u);
    }));
  });
}

TEST(returns, foreign_exceptions_pass) {
  beside_another("", [&] {
    const storm blowing;
    EXPECT_TRUE(until_stopped(30, [&] {
      try {
        static_cast<void>(std::stoi(std::string(64, 'x'))); // thrown by the library
        ADD_FAILURE();
      } catch (const std::invalid_argument &) {
      }
    }));
  });
}

TEST(returns, a_child_process_returns_too) {
  beside_another("", [&] {
    const storm blowing;
    for (int i = 0; i < 20; ++i) {
      const pid_t child = fork();
      if (child == 0)
        _exit(7);
      int status = 0;
      while (waitpid(child, &status, 0) == -1)
        ;
      ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 7);
    }
  });
}

} // namespace
