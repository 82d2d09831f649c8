// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Problem: more spinning tasks than processors. Without preemption the first ones to run keep their processors and the others starve.
//
// Mechanism: the monitor ends a task's slice when it is used up and somebody else waits. Each task counts its rounds; main prints the shares.
//
// The check is that every task gets at least a quarter of an equal share. Main waits as long as that takes, up to a limit, so that a loaded
// machine makes the sample slow and not wrong.
//
// Run it with, say, STILLPOINT_PROCS=2. The number of tasks may be given: fair_loops 8.
#include <stillpoint/stillpoint.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <numeric>
#include <vector>

using namespace std::chrono_literals;

namespace {

struct alignas(64) lane { // a cache line each
  std::atomic<std::uint64_t> rounds{0};
};

constexpr std::size_t most_tasks = 1000;
std::size_t task_count = 5;
std::unique_ptr<lane[]> lanes;
std::atomic<bool> stop{false};

void spin(lane &mine) {
  std::uint64_t n = 0;
  while (!stop.load(std::memory_order_relaxed))
    mine.rounds.store(++n, std::memory_order_relaxed);
}

std::vector<std::uint64_t> read_rounds() {
  std::vector<std::uint64_t> rounds(task_count);
  for (std::size_t i = 0; i < task_count; ++i)
    rounds[i] = lanes[i].rounds.load(std::memory_order_relaxed);
  return rounds;
}

bool is_fair(const std::vector<std::uint64_t> &rounds) {
  const std::uint64_t sum = std::accumulate(rounds.begin(), rounds.end(), std::uint64_t{0});
  return sum > 0 && *std::min_element(rounds.begin(), rounds.end()) >= sum / (4 * rounds.size());
}

void print_shares(const std::vector<std::uint64_t> &rounds) {
  const double sum = static_cast<double>(std::accumulate(rounds.begin(), rounds.end(), std::uint64_t{0}));
  for (std::size_t i = 0; i < rounds.size(); ++i) {
    const double share = sum > 0 ? static_cast<double>(rounds[i]) / sum : 0;
    std::printf("task %3zu  %5.1f%%  ", i, 100 * share);
    for (int mark = 0; mark < static_cast<int>(100 * share); ++mark)
      std::putchar('#');
    std::putchar('\n');
  }
}

} // namespace

static int program() {
  stillpoint::wait_group spinning;
  for (std::size_t i = 0; i < task_count; ++i) {
    spinning.add(1);
    stillpoint::go([i, &spinning] {
      spin(lanes[i]);
      spinning.done();
    });
  }

  const auto limit = std::chrono::steady_clock::now() + 20s;
  std::vector<std::uint64_t> rounds;
  do {
    stillpoint::sleep_for(500ms);
    rounds = read_rounds();
  } while (!is_fair(rounds) && std::chrono::steady_clock::now() < limit);
  stop.store(true, std::memory_order_relaxed);
  spinning.wait();

  print_shares(rounds);
  std::printf("%zu tasks, preempted %llu times; %s\n", task_count, static_cast<unsigned long long>(stillpoint::read_metrics().preemptions),
              is_fair(rounds) ? "nobody starves" : "somebody STARVES");
  return is_fair(rounds) ? 0 : 1;
}

int main(int argc, char **argv) {
  if (argc > 1)
    task_count = std::clamp<std::size_t>(std::strtoul(argv[1], nullptr, 10), 1, most_tasks);
  lanes = std::make_unique<lane[]>(task_count);
  return stillpoint::run(program);
}
