// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Requests to stop and deadlines. Cases that name one of Go's (context/context_test.go) are written anew after it.
#include <stillpoint/stop_token.hpp>

#include "support.h"

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

namespace stillpoint::test {
namespace {

class stop_test : public on_processors {};
STILLPOINT_ON_PROCESSORS(stop_test);

TEST(stop_plain_test, tokens_and_sources) {
  stop_token none;
  EXPECT_FALSE(none.stop_possible());
  EXPECT_FALSE(none.stop_requested());
  EXPECT_FALSE(none.deadline());
  stop_source a, b(none);
  const stop_token of_a = a.get_token();
  EXPECT_EQ(of_a, a.get_token());
  EXPECT_NE(of_a, b.get_token());
  EXPECT_TRUE(of_a.stop_possible());
  EXPECT_TRUE(a.request_stop());
  EXPECT_FALSE(a.request_stop());
  EXPECT_TRUE(of_a.stop_requested());
  EXPECT_EQ(of_a.reason(), stop_reason::requested);
  EXPECT_FALSE(b.stop_requested());
  none = of_a;
  a = b;
  EXPECT_TRUE(none.stop_requested());
  EXPECT_FALSE(a.stop_requested());
}

// Go: TestParentFinishesChild.
TEST(stop_plain_test, a_parent_stops_its_children) {
  stop_source parent;
  stop_source child(parent.get_token()), timed(1h, parent.get_token());
  stop_source grandchild(child.get_token());
  EXPECT_FALSE(grandchild.stop_requested());
  parent.request_stop();
  EXPECT_TRUE(child.stop_requested());
  EXPECT_TRUE(timed.stop_requested());
  EXPECT_EQ(grandchild.get_token().reason(), stop_reason::requested);
  EXPECT_TRUE(stop_source(grandchild.get_token()).stop_requested()); // born so
}

// Go: TestChildFinishesFirst.
TEST(stop_plain_test, a_child_does_not_stop_its_parent) {
  stop_source parent;
  stop_source child(parent.get_token()), sibling(parent.get_token());
  child.request_stop();
  EXPECT_FALSE(parent.stop_requested());
  EXPECT_FALSE(sibling.stop_requested());
}

// The tokens of a child keep what they need, whoever goes first.
TEST(stop_plain_test, a_parent_may_go_first) {
  stop_token token;
  {
    stop_source parent;
    stop_source child(parent.get_token());
    token = child.get_token();
  }
  EXPECT_FALSE(token.stop_requested());
  stop_source root;
  auto child = std::make_unique<stop_source>(root.get_token());
  child.reset();
  root.request_stop();
}

// Go: TestDeadline, TestTimeout.
TEST(stop_plain_test, deadlines) {
  const auto soon = std::chrono::steady_clock::now() + 1ms;
  stop_source a(soon);
  EXPECT_EQ(a.get_token().deadline(), soon);
  const stop_source later(1h, a.get_token()), sooner(0s, a.get_token()), past(std::chrono::steady_clock::now() - 1h);
  EXPECT_EQ(later.get_token().deadline(), soon); // never later than the parent's
  EXPECT_TRUE(sooner.stop_requested());
  EXPECT_TRUE(past.stop_requested());
  std::this_thread::sleep_until(soon);
  EXPECT_EQ(later.get_token().reason(), stop_reason::deadline);
  EXPECT_EQ(a.get_token().reason(), stop_reason::deadline);
}

// Go: TestCanceledTimeout.
TEST(stop_plain_test, asked_before_the_deadline) {
  stop_source a(1h);
  a.request_stop();
  EXPECT_EQ(a.get_token().reason(), stop_reason::requested);
}

TEST_P(stop_test, sleeps) {
  run_on(GetParam(), [] {
    stop_source source;
    EXPECT_TRUE(sleep_for(100us, stop_token()));
    EXPECT_TRUE(sleep_for(100us, source.get_token()));
    EXPECT_TRUE(sleep_until(std::chrono::system_clock::now() + 100us, source.get_token()));
    EXPECT_FALSE(sleep_for(1h, stop_source(100us).get_token()));
    tasks all;
    all.start_many(20, [&](int) { EXPECT_FALSE(sleep_for(1h, source.get_token())); });
    all.start_many(20, [&](int) { wait_for_stop(source.get_token()); });
    all.start_many(20, [&](int number) { sleep_for(std::chrono::microseconds(number * 100), source.get_token()); });
    let_others_run();
    source.request_stop();
    EXPECT_FALSE(sleep_for(1h, source.get_token()));
  });
}

// By a thread that is no worker, and by std::stop_callback.
TEST_P(stop_test, asked_by_a_thread) {
  run_on(GetParam(), [] {
    for (int round = 0; round < 20; ++round) {
      stop_source source;
      tasks all;
      all.start([&] { EXPECT_FALSE(sleep_for(1h, source.get_token())); });
      std::thread([&] { source.request_stop(); }).join();
    }
  });
}

// Go: TestSimultaneousCancels, TestLayersCancel. A deep tree, asked at many places at once, with waits at all levels.
TEST_P(stop_test, asked_everywhere_at_once) {
  run_on(GetParam(), [] {
    for (int round = 0; round < 20; ++round) {
      std::vector<stop_source> layers;
      layers.emplace_back();
      for (int i = 0; i < 30; ++i)
        layers.emplace_back(layers[static_cast<std::size_t>(i / 2)].get_token());
      std::atomic<int> stopped = 0;
      tasks all;
      for (const stop_source &s : layers)
        all.start([&stopped, token = s.get_token()] {
          wait_for_stop(token);
          ++stopped;
        });
      if (round % 2)
        let_others_run();
      for (std::size_t i = 0; i < layers.size(); i += 3)
        all.start([s = layers[i]]() mutable { s.request_stop(); });
      layers[0].request_stop();
      layers.clear();
      all.wait();
      EXPECT_EQ(stopped, 31);
    }
  });
}

// Waits that end by themselves while somebody asks, and children that end while their parent is asked.
TEST_P(stop_test, ends_of_waits_and_requests_race) {
  run_on(GetParam(), [] {
    for (int round = 0; round < 200; ++round) {
      stop_source source;
      tasks all;
      all.start_many(6, [&](int number) {
        stop_source child(source.get_token());
        for (int i = 0; i < 5; ++i)
          sleep_for(std::chrono::microseconds(number * 5), i % 2 ? child.get_token() : source.get_token());
      });
      all.start([&] {
        sleep_for(std::chrono::microseconds(round % 40));
        source.request_stop();
      });
    }
  });
}

} // namespace
} // namespace stillpoint::test
