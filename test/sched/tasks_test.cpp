// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// go(), yield(), sleeping and wait_group: order, fairness, numbers.
#include "support.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <memory>
#include <mutex>
#include <set>
#include <stdexcept>
#include <thread>
#include <unistd.h>
#include <vector>

namespace stillpoint::test {
namespace {

using namespace std::chrono_literals;

class tasks_test : public on_processors {};
STILLPOINT_ON_PROCESSORS(tasks_test);

TEST_P(tasks_test, ten_thousand) {
  std::atomic<int> ended = 0;
  run_on(GetParam(), [&] {
    wait_group group;
    for (int i = 0; i < 10'000; ++i) {
      group.add();
      go([&, i] {
        if (i % 3 == 0)
          yield();
        if (i % 7 == 0)
          sleep_for(100us);
        ++ended;
        group.done();
      });
    }
    group.wait();
  });
  EXPECT_EQ(ended, 10'000);
}

// Small ones are copied to the task's stack, large ones to the heap; each task has its own.
template <std::size_t Words>
void sums_of_closures(unsigned processors) {
  constexpr int tasks = 20;
  std::array<std::atomic<long>, tasks> sums{};
  std::atomic<int> aligned = 0;
  run_on(processors, [&] {
    wait_group ended(tasks);
    for (int i = 0; i < tasks; ++i) {
      struct alignas(16) {
        std::array<long, Words> word;
      } values{};
      values.word.fill(i);
      go([values, i, &sums, &aligned, &ended] {
        yield();
        for (const long v : values.word)
          sums[static_cast<std::size_t>(i)] += v;
        aligned += reinterpret_cast<std::uintptr_t>(&values) % 16 == 0;
        ended.done();
      });
    }
    ended.wait();
  });
  EXPECT_EQ(aligned, tasks);
  for (int i = 0; i < tasks; ++i)
    EXPECT_EQ(sums[static_cast<std::size_t>(i)], i * static_cast<long>(Words)) << Words;
}

TEST_P(tasks_test, closures_of_any_size) {
  sums_of_closures<1>(GetParam());
  sums_of_closures<56>(GetParam());
  sums_of_closures<58>(GetParam());
  sums_of_closures<400>(GetParam());
}

// More than the limit on mappings would allow if each stack were one, or its guard split one.
TEST_P(tasks_test, a_hundred_thousand_parked) {
  constexpr int many = 100'000;
  std::atomic<int> ended = 0;
  std::atomic<int> parked = 0;
  run_on(GetParam(), [&] {
    wait_group gate, all;
    gate.add();
    all.add(many);
    for (int i = 0; i < many; ++i)
      go([&] {
        ++parked;
        gate.wait();
        ++ended;
        all.done();
      });
    EXPECT_TRUE(eventually([&] { return parked == many; }));
    EXPECT_EQ(ended, 0);
    gate.done();
    all.wait();
  });
  EXPECT_EQ(ended, many);
}

TEST_P(tasks_test, children_of_children) {
  std::atomic<int> leaves = 0;
  run_on(GetParam(), [&] {
    wait_group group;
    struct tree {
      wait_group &group;
      std::atomic<int> &leaves;
      void grow(int depth) {
        if (depth == 0) {
          ++leaves;
        } else {
          for (int i = 0; i < 2; ++i) {
            group.add();
            go([this, depth] { grow(depth - 1); });
          }
        }
        group.done();
      }
    } t{group, leaves};
    group.add();
    t.grow(12);
    group.wait();
  });
  EXPECT_EQ(leaves, 1 << 12);
}

TEST_P(tasks_test, an_exception_inside_a_task_stays_there) {
  std::atomic<int> caught = 0;
  run_on(GetParam(), [&] {
    wait_group group;
    for (int i = 0; i < 100; ++i) {
      group.add();
      go([&, i] {
        try {
          yield();
          throw std::runtime_error(std::to_string(i));
        } catch (const std::runtime_error &e) {
          yield(); // perhaps to another thread, in the middle of handling
          sleep_for(10us);
          caught += std::stoi(e.what()) == i && std::uncaught_exceptions() == 0;
        }
        group.done();
      });
    }
    group.wait();
  });
  EXPECT_EQ(caught, 100);
}

// Out of line: an optimizer without the plugin takes the address of errno for the same everywhere in a function.
[[gnu::noinline]] void set_errno(int value) {
  asm volatile("");
  errno = value;
}
[[gnu::noinline]] int get_errno() {
  asm volatile("");
  return errno;
}

TEST_P(tasks_test, errno_belongs_to_the_task) {
  std::atomic<int> wrong = 0;
  run_on(GetParam(), [&] {
    wait_group group;
    for (int i = 1; i <= 20; ++i) {
      group.add();
      go([&, i] {
        for (int round = 0; round < 100; ++round) {
          set_errno(i);
          yield();
          wrong += get_errno() != i;
        }
        group.done();
      });
    }
    group.wait();
  });
  EXPECT_EQ(wrong, 0);
}

TEST_P(tasks_test, sleepers_wake_in_time_and_in_order) {
  std::vector<int> order;
  std::mutex mutex;
  run_on(GetParam(), [&] {
    wait_group group;
    const auto start = std::chrono::steady_clock::now();
    for (int i = 9; i >= 0; --i) {
      group.add();
      go([&, i] {
        const auto until = start + 20ms + i * 20ms;
        sleep_until(until);
        EXPECT_GE(std::chrono::steady_clock::now(), until);
        {
          const std::lock_guard held(mutex);
          order.push_back(i);
        }
        group.done();
      });
    }
    group.wait();
  });
  EXPECT_EQ(order.size(), 10u);
  if (GetParam() == 1) { // on several, two that were late together may pass each other
    EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
  }
}

TEST_P(tasks_test, many_sleepers) {
  std::atomic<int> ended = 0;
  run_on(GetParam(), [&] {
    wait_group group;
    for (int i = 0; i < 2'000; ++i) {
      group.add();
      go([&, i] {
        for (int round = 0; round < 5; ++round)
          sleep_for(std::chrono::microseconds(i % 50 * 20));
        ++ended;
        group.done();
      });
    }
    group.wait();
  });
  EXPECT_EQ(ended, 2'000);
}

// A processor takes several that were woken at once. None waits behind another for good, though each goes on until all have been there.
TEST_P(tasks_test, many_with_one_deadline_that_wait_for_each_other) {
  constexpr int many = 100;
  std::atomic<int> awake = 0;
  run_on(GetParam(), [&] {
    wait_group group;
    group.add(many);
    const auto when = std::chrono::steady_clock::now() + 20ms;
    for (int i = 0; i < many; ++i)
      go({.stack_size = 16u << 10}, [&] {
        sleep_until(when);
        ++awake;
        EXPECT_TRUE(eventually([&] { return awake == many; }));
        group.done();
      });
    group.wait();
  });
}

TEST_P(tasks_test, odd_durations) {
  run_on(GetParam(), [] {
    sleep_for(0s);
    sleep_for(-1h);
    sleep_for(std::chrono::hours::min());
    sleep_for(std::chrono::duration<double>(1e-9));
    sleep_until(std::chrono::system_clock::now() - 1s);
    std::atomic<bool> asleep = false;
    go([&] {
      asleep = true;
      sleep_for(std::chrono::hours::max());
      ADD_FAILURE() << "woke after " << std::chrono::hours::max().count() << " hours";
    });
    EXPECT_TRUE(eventually([&] { return asleep.load(); }));
    sleep_for(2ms);
  });
}

TEST(one_processor, starts_tasks_in_order) {
  std::vector<int> order;
  run_on(1, [&] {
    wait_group group;
    for (int i = 0; i < 200; ++i) {
      group.add();
      go([&, i] {
        order.push_back(i);
        group.done();
      });
    }
    group.wait();
  });
  EXPECT_EQ(order.size(), 200u);
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
}

TEST(one_processor, yield_goes_round) {
  std::vector<int> turns(5);
  run_on(1, [&] {
    wait_group group;
    for (std::size_t i = 0; i < turns.size(); ++i) {
      group.add();
      go([&, i] {
        for (int round = 0; round < 1'000; ++round) {
          ++turns[i];
          const auto [least, most] = std::minmax_element(turns.begin(), turns.end());
          EXPECT_LE(*most - *least, 2);
          yield();
        }
        group.done();
      });
    }
    group.wait();
  });
}

// The short sleeper is always due when the processor is free; the others run all the same.
TEST(one_processor, short_sleepers_starve_nobody) {
  bool stop = false;
  run_on(1, [&] {
    wait_group ended;
    for (int i = 0; i < 3; ++i) {
      ended.add();
      go([&] {
        while (!stop)
          sleep_for(1ns);
        ended.done();
      });
    }
    for (int i = 0; i < 100; ++i)
      yield();
    stop = true;
    ended.wait();
  });
}

TEST(several_processors, share_the_tasks_of_one) {
  std::set<int> threads;
  std::mutex mutex;
  run_on(4, [&] {
    wait_group group;
    for (int i = 0; i < 100; ++i) {
      group.add();
      go([&] {
        const bool met = [&] { // stays on its thread until a second one is seen
          for (int round = 0; round < 30'000; ++round) {
            {
              const std::lock_guard held(mutex);
              threads.insert(gettid());
              if (threads.size() > 1)
                return true;
            }
            std::this_thread::sleep_for(1ms);
          }
          return false;
        }();
        EXPECT_TRUE(met);
        group.done();
      });
    }
    group.wait();
  });
  EXPECT_GT(threads.size(), 1u);
}

TEST(go_test, takes_what_can_only_be_moved) {
  int seen = 0;
  run_on(1, [&] {
    wait_group group;
    group.add();
    go([&, p = std::make_unique<int>(5)] {
      seen = *p;
      group.done();
    });
    group.wait();
  });
  EXPECT_EQ(seen, 5);
}

TEST(go_test, names_and_numbers) {
  EXPECT_EQ(this_task::id(), 0u);
  EXPECT_EQ(this_task::name(), "");
  run_on(2, [] {
    EXPECT_EQ(this_task::name(), "main");
    EXPECT_EQ(this_task::id(), 1u);
    wait_group group;
    group.add(3);
    go({.name = "worker bee"}, [&] {
      EXPECT_EQ(this_task::name(), "worker bee");
      group.done();
    });
    go({.name = "a name of more than thirty-one bytes"}, [&] {
      EXPECT_EQ(this_task::name(), "a name of more than thirty-one ");
      group.done();
    });
    go([&] {
      EXPECT_EQ(this_task::name(), "task " + std::to_string(this_task::id()));
      group.done();
    });
    group.wait();
  });
}

[[gnu::noinline]] int deep(int depth) {
  volatile char page[4096];
  page[0] = static_cast<char>(depth);
  return depth == 0 ? page[0] : deep(depth - 1) + page[0];
}

TEST(go_test, stacks_are_as_large_as_asked_for) {
  run_on(1, [] {
    wait_group group;
    group.add(2);
    go({.stack_size = 16u << 20}, [&] {
      deep(3'900);
      group.done();
    });
    go([&] {
      deep(50);
      group.done();
    });
    deep(1'900); // main has 8 MiB
    group.wait();
    EXPECT_THROW(go({.stack_size = std::size_t{2} << 30}, [] {}), std::length_error);
  });
}

// Ended tasks are kept, with their stacks, for those to come: whatever size was asked for before, each gets what it asks for.
TEST(go_test, stacks_of_all_sizes_in_turns) {
  run_on(1, [] {
    constexpr std::size_t kilobytes[] = {16, 256, 17, 32, 512, 16, 64, 128};
    for (int round = 0; round < 100; ++round) {
      wait_group group;
      for (int i = 0; i < 5; ++i)
        for (const std::size_t size : kilobytes) {
          group.add();
          go({.stack_size = size << 10}, [&group, size] {
            deep(static_cast<int>(size / 5) - 2); // a frame is a little more than a page
            group.done();
          });
        }
      group.wait();
    }
  });
}

TEST(wait_group_test, may_be_destroyed_once_waited_for) {
  run_on(8, [] {
    for (int round = 0; round < 2'000; ++round) {
      auto group = std::make_unique<wait_group>();
      group->add(2);
      for (int i = 0; i < 2; ++i)
        go([g = group.get()] { g->done(); });
      group->wait();
    }
  });
}

TEST(wait_group_test, wakes_all_and_can_be_used_again) {
  std::atomic<int> woken = 0;
  run_on(2, [&] {
    wait_group gate;
    for (int round = 1; round <= 10; ++round) {
      wait_group ended;
      gate.add();
      ended.add(50);
      for (int i = 0; i < 50; ++i)
        go([&] {
          gate.wait();
          ++woken;
          ended.done();
        });
      yield();
      gate.done();
      ended.wait();
      EXPECT_EQ(woken, 50 * round);
    }
  });
}

TEST_P(tasks_test, a_foreign_thread_may_wake) {
  for (int round = 0; round < 20; ++round)
    run_on(GetParam(), [] {
      wait_group group;
      group.add();
      std::thread other([&] {
        std::this_thread::sleep_for(1ms);
        group.done();
      });
      group.wait();
      other.join();
    });
}

} // namespace
} // namespace stillpoint::test
