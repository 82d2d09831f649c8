// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The list of all tasks: states, stacks through managed and foreign frames, and while everything moves.
#include "../sched/support.h"

#include <stillpoint/chan.hpp>
#include <stillpoint/tasks.hpp>

#include <atomic>
#include <cstdlib>
#include <thread>
#include <unistd.h>

namespace stillpoint::test {

// With names that are easy to find.
extern "C" {
std::atomic<bool> trace_test_stop;
[[gnu::noinline]] void trace_test_spins() {
  while (!trace_test_stop.load(std::memory_order_relaxed))
    ;
}
[[gnu::noinline]] void trace_test_receives(chan<int> &c) {
  c.receive();
  asm volatile("");
}
[[gnu::noinline]] int trace_test_compares(const void *, const void *) {
  while (!trace_test_stop.load(std::memory_order_relaxed))
    sleep_for(std::chrono::milliseconds(1));
  return 0;
}
[[gnu::noinline]] void trace_test_sorts() {
  int two[2] = {2, 1};
  std::qsort(two, 2, sizeof two[0], trace_test_compares);
  asm volatile("");
}
[[gnu::noinline]] void trace_test_blocks() {
  while (!trace_test_stop.load(std::memory_order_relaxed))
    usleep(1000); // foreign code that nothing stops
}
}

namespace {

using namespace std::chrono_literals;

class tasks_test : public on_processors {};
STILLPOINT_ON_PROCESSORS(tasks_test);

// The lines about one task.
std::string about(const std::string &text, const std::string &name) {
  const std::size_t at = text.find('"' + name + '"');
  return at == std::string::npos ? std::string() : text.substr(at, text.find("\n\n", at) - at);
}

bool says(const std::string &text, const std::string &name, std::initializer_list<const char *> wanted) {
  const std::string part = about(text, name);
  for (const char *const w : wanted)
    if (part.find(w) == std::string::npos)
      return false;
  return true;
}

// Asks until it is as wanted: tasks take their time to get where they wait.
testing::AssertionResult eventually_says(const std::string &name, std::initializer_list<const char *> wanted) {
  std::string text;
  if (eventually([&] { return says(text = describe_tasks(), name, wanted); }))
    return testing::AssertionSuccess();
  return testing::AssertionFailure() << text;
}

TEST_P(tasks_test, wait_for_a_channel) {
  run_on(GetParam(), [] {
    chan<int> c(0);
    wait_group ended;
    ended.add();
    go({.name = "receiver"}, [&] {
      trace_test_receives(c);
      ended.done();
    });
    EXPECT_TRUE(eventually_says("receiver", {"waiting (receive from a channel)", "trace_test_receives", "begun by task 1 at "}));
    EXPECT_TRUE(eventually_says("main", {"waiting (list of all tasks)"}));
    c.send(1);
    ended.wait();
  });
}

TEST_P(tasks_test, wait_under_foreign_frames) {
  trace_test_stop = false;
  run_on(GetParam(), [] {
    wait_group ended;
    ended.add();
    go({.name = "sorter"}, [&] {
      trace_test_sorts();
      ended.done();
    });
    EXPECT_TRUE(eventually_says("sorter", {"trace_test_compares", "libc.so", "qsort", "trace_test_sorts"}));
    trace_test_stop = true;
    ended.wait();
  });
}

TEST_P(tasks_test, run_or_are_stopped_in_a_loop) {
  trace_test_stop = false;
  run_on(GetParam(), [] {
    wait_group ended;
    ended.add();
    go({.name = "spinner"}, [&] {
      trace_test_spins();
      ended.done();
    });
    EXPECT_TRUE(eventually_says("spinner", {"run", "trace_test_spins"})); // "running" or "runnable"
    trace_test_stop = true;
    ended.wait();
  });
}

// Where it can only be traced, not stopped.
TEST(tasks, are_in_foreign_code) {
  trace_test_stop = false;
  run_on(4, [] {
    wait_group ended;
    ended.add();
    go({.name = "blocker"}, [&] {
      trace_test_blocks();
      ended.done();
    });
    EXPECT_TRUE(eventually_says("blocker", {"running", "nanosleep", "trace_test_blocks"}));
    trace_test_stop = true;
    ended.wait();
  });
}

TEST_P(tasks_test, are_in_an_announced_call) {
  trace_test_stop = false;
  run_on(GetParam(), [] {
    wait_group ended;
    ended.add();
    go({.name = "caller"}, [&] {
      lock_os_thread();
      stillpoint::foreign([] { trace_test_blocks(); });
      ended.done();
    });
    EXPECT_TRUE(eventually_says("caller", {"in a call", "locked to its thread", "begun by task 1"}));
    EXPECT_GE(read_scheduler_metrics().tasks_in_calls, 1u);
    trace_test_stop = true;
    ended.wait();
  });
}

TEST(tasks, are_not_asked_if_no_signal_may_be_sent) {
  const with_variable debug("STILLPOINT_DEBUG", "asyncpreemptoff=1");
  trace_test_stop = false;
  run_on(4, [] {
    wait_group ended;
    ended.add();
    go({.name = "blocker"}, [&] {
      trace_test_blocks();
      ended.done();
    });
    EXPECT_TRUE(eventually_says("blocker", {"running", "did not answer"}));
    trace_test_stop = true;
    ended.wait();
  });
}

TEST(tasks, are_none_outside_of_a_run) { EXPECT_EQ(describe_tasks(), "stillpoint: no run() is in progress\n"); }

TEST_P(tasks_test, are_printed_for_other_threads) {
  run_on(GetParam(), [] {
    wait_group asked;
    asked.add();
    std::string text;
    std::thread other([&] {
      text = describe_tasks();
      asked.done();
    });
    asked.wait();
    other.join();
    EXPECT_NE(text.find("task 1 \"main\": "), std::string::npos) << text;
  });
}

// A thread that asks while the run ends gets some answer.
TEST(tasks, are_asked_for_while_the_run_ends) {
  std::atomic<bool> stop = false;
  std::thread other([&] {
    while (!stop)
      EXPECT_FALSE(describe_tasks().empty());
  });
  for (int i = 0; i < 50; ++i)
    run_on(2, [] {
      go([] { sleep_for(1h); });
      yield();
    });
  stop = true;
  other.join();
}

TEST(tasks, are_written_to_a_file) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  run_on(2, [&] { print_tasks(ends[1]); });
  char text[4096] = {};
  EXPECT_GT(read(ends[0], text, sizeof text - 1), 0);
  EXPECT_EQ(std::string(text).rfind("stillpoint: 1 tasks on 2 processors: ", 0), 0u) << text;
  close(ends[0]);
  close(ends[1]);
}

// Tasks begin, switch, wait, are preempted and end while they are listed.
TEST_P(tasks_test, are_listed_while_everything_moves) {
  trace_test_stop = false;
  run_on(GetParam(), [] {
    wait_group ended, closed;
    chan<int> c(0);
    for (int i = 0; i < 4; ++i) {
      ended.add(2);
      closed.add();
      go([&] {
        while (!trace_test_stop)
          c.send(1);
        ended.done();
      });
      go([&] {
        while (c.receive())
          ;
        closed.done();
      });
      go([&] {
        while (!trace_test_stop) {
          wait_group child;
          child.add();
          go([&] { child.done(); });
          child.wait();
        }
        ended.done();
      });
    }
    const auto limit = std::chrono::steady_clock::now() + 3s; // the others have their slices in between
    for (int i = 0; i < 100 && (i < 10 || std::chrono::steady_clock::now() < limit); ++i) {
      const std::string text = describe_tasks();
      EXPECT_NE(text.find("task 1 \"main\": waiting (list of all tasks)"), std::string::npos) << text;
    }
    trace_test_stop = true;
    ended.wait();
    c.close();
    closed.wait();
  });
}

} // namespace
} // namespace stillpoint::test
