// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// STILLPOINT_DEBUG=storm: tasks are stopped although nobody waits for their processors, go on behind others and on other workers, and keep what they
// had in registers. This program is managed.
#include "support.h"

#include <stillpoint/metrics.hpp>
#include <unistd.h>

namespace stillpoint::test {
namespace {

class storm_test : public on_processors {};
STILLPOINT_ON_PROCESSORS(storm_test);

template <class F>
void go_counted(wait_group &group, F f) {
  group.add();
  go([&group, f] {
    f();
    group.done();
  });
}

// Waits without giving way, with something to lose in vector registers.
template <class Condition>
double spin_until(Condition condition) {
  const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  double a = 1, b = 2, c = 3;
  do
    for (int i = 0; i < 1000; ++i) {
      a = a * 0.5 + 1;
      b = b * 0.5 + 2;
      c = c * 0.5 + 3;
      asm volatile("" : "+x"(a), "+x"(b), "+x"(c));
    }
  while (!condition() && std::chrono::steady_clock::now() < limit);
  return a + b + c; // 2 + 4 + 6, from wherever it began
}

std::uint64_t preemptions() { return read_metrics().preemptions; }

TEST_P(storm_test, a_task_alone_is_stopped_again_and_again) {
  const with_variable debug("STILLPOINT_DEBUG", "storm=20us");
  const std::uint64_t before = preemptions();
  double sum = 0;
  run_on(GetParam(), [&] { sum = spin_until([&] { return preemptions() >= before + 200; }); });
  EXPECT_GE(preemptions(), before + 200);
  EXPECT_EQ(sum, 12);
}

TEST_P(storm_test, without_it_a_task_alone_is_left_alone) {
  const std::uint64_t before = preemptions();
  run_on(GetParam(), [&] {
    int few = 0;
    spin_until([&] { return ++few == 2000; });
  });
  EXPECT_LT(preemptions(), before + 20); // the world may be stopped now and then, for a thread that ends
}

TEST_P(storm_test, others_run_in_between_on_any_worker) {
  const with_variable debug("STILLPOINT_DEBUG", "storm=20us"), slice("STILLPOINT_SLICE", "1000s");
  constexpr int count = 3;
  std::atomic<int> begun{0}, moved{0};
  double sums[count] = {};
  run_on(GetParam(), [&] {
    wait_group all;
    for (double &sum : sums)
      go_counted(all, [&] {
        ++begun;                   // with a slice without end only the storm lets the others in
        const int here = gettid(); // the C library says that pthread_self() never changes
        bool elsewhere = GetParam() == 1;
        sum = spin_until([&] {
          elsewhere = elsewhere || gettid() != here;
          return begun == count && elsewhere;
        });
        moved += elsewhere;
      });
    all.wait();
  });
  EXPECT_EQ(begun, count);
  EXPECT_EQ(moved, count);
  for (const double sum : sums)
    EXPECT_EQ(sum, 12);
}

// Each of these takes locks, waits and allocates.
TEST_P(storm_test, everything_else_goes_on_as_ever) {
  const with_variable debug("STILLPOINT_DEBUG", "storm=20us");
  long total = 0;
  run_on(GetParam(), [&] {
    chan<std::string> numbers(3);
    wait_group senders;
    for (int s = 0; s < 4; ++s)
      go_counted(senders, [&numbers, s] {
        for (int i = 0; i < 500; ++i)
          numbers.send(std::to_string(1000 * s + i));
      });
    wait_group closing;
    go_counted(closing, [&] {
      senders.wait();
      numbers.close();
    });
    while (const auto n = numbers.receive())
      total += std::stol(*n);
    closing.wait();
  });
  EXPECT_EQ(total, 500 * (0 + 1000 + 2000 + 3000) + 4 * (499 * 500 / 2));
}

} // namespace
} // namespace stillpoint::test
