// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Misuse: what throws, what ends the program, and what it says.
#include "support.h"

#include <stdexcept>
#include <thread>

namespace stillpoint::test {
namespace {

class death : public testing::Test {
protected:
  void SetUp() override { testing::FLAGS_gtest_death_test_style = "threadsafe"; }
};
using errors_death_test = death;

template <class F>
std::string message_of(F &&f) {
  try {
    f();
  } catch (const std::logic_error &e) {
    return e.what();
  }
  return "no std::logic_error";
}

TEST(errors, calls_outside_a_task) {
  wait_group group;
  EXPECT_EQ(message_of([] { go([] {}); }), "stillpoint: go() called outside a task: only inside stillpoint::run()");
  EXPECT_EQ(message_of([] { yield(); }), "stillpoint: yield() called outside a task: only inside stillpoint::run()");
  EXPECT_EQ(message_of([] { sleep_for(std::chrono::seconds(1)); }),
            "stillpoint: sleep_for() called outside a task: only inside stillpoint::run()");
  EXPECT_EQ(message_of([&] { group.wait(); }), "stillpoint: wait_group::wait() called outside a task: only inside stillpoint::run()");
}

TEST(errors, on_a_thread_that_is_no_worker) {
  run_on(1, [] {
    std::thread other([] {
      EXPECT_EQ(message_of([] { go([] {}); }), "stillpoint: go() called outside a task: only inside stillpoint::run()");
      EXPECT_EQ(message_of([] { run([] {}); }), "stillpoint: run() called while another run() is in progress");
    });
    other.join();
  });
}

TEST(errors, run_inside_run) {
  run_on(1, [] { EXPECT_EQ(message_of([] { run([] {}); }), "stillpoint: run() called inside a task: use go()"); });
  EXPECT_EQ(run_on(1, [] { return 1; }), 1);
}

TEST_F(errors_death_test, more_done_than_added) {
  EXPECT_DEATH(run_on(1,
                      [] {
                        wait_group group;
                        group.add();
                        group.done();
                        group.done();
                      }),
               "stillpoint: wait_group: more done\\(\\) than add\\(\\)");
}

TEST_F(errors_death_test, destroyed_while_waited_for) {
  EXPECT_DEATH(run_on(1,
                      [] {
                        auto group = std::make_unique<wait_group>();
                        group->add();
                        go([g = group.get()] { g->wait(); });
                        yield();
                        group.reset();
                      }),
               "stillpoint: wait_group destroyed while tasks wait for it");
}

TEST_F(errors_death_test, an_exception_leaves_a_task) {
  EXPECT_DEATH(run_on(1,
                      [] {
                        go({.name = "thrower"}, [] { throw std::runtime_error("no such luck"); });
                        yield();
                      }),
               "stillpoint: .*thrower.*no such luck");
}

TEST_F(errors_death_test, an_exception_leaves_main) {
  EXPECT_DEATH(run_on(1, [] { throw std::runtime_error("out of main"); }), "stillpoint: .*main.*out of main");
}

volatile bool bottom = false;

[[gnu::noinline]] int dig(volatile int *up) {
  volatile int here[64] = {};
  here[0] = up ? up[0] + 1 : 0;
  return bottom ? 0 : dig(here) + here[0];
}

TEST_F(errors_death_test, a_stack_overflows) {
  EXPECT_DEATH(run_on(1,
                      [] {
                        go({.name = "digger"}, [] { dig(nullptr); });
                        yield();
                      }),
               "stillpoint: .*digger");
}

} // namespace
} // namespace stillpoint::test
