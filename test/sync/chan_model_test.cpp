// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The scenarios that chan_model.h goes through.
#include "chan_model.h"

#include <gtest/gtest.h>

namespace stillpoint::test::chan_model {
namespace {

void expect_right(const scenario &s) { expect_right_in_all_runs<model>(s); }

using patience = model::patience;

// Of two values, in this order.
void send_two(model &m, unsigned to, long first) {
  m.send(to, first);
  m.send(to, first + 1);
}
void receive_two(model &m, unsigned from) {
  m.receive(from);
  m.receive(from);
}

TEST(chan_model_test, one_sender_one_receiver) {
  for (const std::size_t capacity : {0, 1, 2})
    expect_right(
        {.tasks = {[](model &m) { send_two(m, 0, 100); }, [](model &m) { receive_two(m, 0); }}, .capacities = {capacity}, .switches = 6});
}

TEST(chan_model_test, two_senders_one_receiver) {
  for (const std::size_t capacity : {0, 1})
    expect_right({.tasks = {[](model &m) { m.send(0, 100); }, [](model &m) { m.send(0, 200); }, [](model &m) { receive_two(m, 0); }},
                  .capacities = {capacity},
                  .switches = 3});
}

TEST(chan_model_test, one_sender_two_receivers_and_a_close) {
  for (const std::size_t capacity : {0, 1})
    expect_right({.tasks = {[](model &m) {
                              m.send(0, 100);
                              if (!m.close(0))
                                fail("closed by whom?");
                            },
                            [](model &m) { m.receive(0); }, [](model &m) { m.receive(0); }},
                  .capacities = {capacity},
                  .switches = 3});
}

TEST(chan_model_test, close_against_a_sender) {
  for (const std::size_t capacity : {0, 1})
    expect_right({.tasks = {[](model &m) {
                              const bool first = m.send(0, 100);
                              if (m.send(0, 101) && !first)
                                fail("sent behind the close");
                            },
                            [](model &m) { m.close(0); },
                            [](model &m) {
                              while (m.receive(0))
                                ;
                            }},
                  .capacities = {capacity},
                  .switches = 3});
}

// Who received the last value may end the channel.
TEST(chan_model_test, the_last_receiver_ends_the_channel) {
  for (const std::size_t capacity : {0, 1})
    expect_right({.tasks = {[](model &m) { m.send(0, 100); },
                            [](model &m) {
                              m.receive(0);
                              m.destroy(0);
                            }},
                  .capacities = {capacity},
                  .switches = 6});
}

TEST(chan_model_test, select_of_two_against_two_senders) {
  for (const std::size_t capacity : {0, 1})
    expect_right({.tasks = {[](model &m) { m.send(0, 100); }, [](model &m) { m.send(1, 200); },
                            [](model &m) {
                              for (int i = 0; i < 2; ++i)
                                m.select({{0, false}, {1, false}}, patience::for_ever);
                            }},
                  .capacities = {capacity, 0},
                  .switches = 2});
}

// Each would send to the other or receive from it.
TEST(chan_model_test, selects_that_face_each_other) {
  const auto one = [](long n) {
    return [n](model &m) {
      const bool odd = n == 100;
      m.select({{odd ? 0u : 1u, true, n}, {odd ? 1u : 0u, false}}, patience::for_ever);
    };
  };
  expect_right({.tasks = {one(100), one(200)}, .capacities = {0, 0}, .switches = 4});
}

TEST(chan_model_test, a_select_that_sends_and_receives_on_one_channel) {
  const auto both = [](long n) { return [n](model &m) { m.select({{0, true, n}, {0, false}}, patience::for_ever); }; };
  expect_right({.tasks = {both(100), both(200)}, .capacities = {0}, .switches = 4});
}

TEST(chan_model_test, select_with_a_timeout) {
  for (const std::size_t capacity : {0, 1})
    expect_right({.tasks = {[](model &m) { m.select({{0, true, 100}}, patience::some); },
                            [](model &m) { m.select({{0, false}, {1, false}}, patience::some); }},
                  .capacities = {capacity, 0},
                  .switches = 4});
}

TEST(chan_model_test, select_between_a_value_and_a_close) {
  expect_right({.tasks = {[](model &m) { m.close(1); }, [](model &m) { m.select({{0, true, 100}, {1, true, 101}}, patience::for_ever); },
                          [](model &m) { m.select({{0, false}}, patience::some); }},
                .capacities = {0, 0},
                .switches = 2});
}

// One of two is always ready (Go's TestNonblockSelectRace).
TEST(chan_model_test, no_default_while_one_is_ready) {
  for (const bool by_close : {false, true})
    expect_right({.tasks = {[=](model &m) {
                              m.send(0, 100);
                              m.yield();
                              by_close ? void(m.close(1)) : void(m.send(1, 101));
                              m.select({{0, false}}, patience::none);
                            },
                            [](model &m) {
                              if (!m.channel_has_value(0))
                                return;
                              if (m.select({{1, false}, {0, false}}, patience::none) == 2)
                                fail("the default, although one was ready all the time");
                            }},
                  .capacities = {1, 1},
                  .switches = 4});
}

// What lock_to_recv_os_thread() waits for.
TEST(chan_model_test, watching_for_a_receiver) {
  const auto watch_and_send = [](model &m) {
    if (!m.watch(0))
      fail("closed by whom?");
    m.send(0, 100);
  };
  expect_right({.tasks = {watch_and_send, [](model &m) { m.receive(0); }}, .capacities = {0}, .switches = 5});
  expect_right({.tasks = {watch_and_send, [](model &m) { m.select({{0, false}, {1, false}}, patience::for_ever); }},
                .capacities = {0, 0},
                .switches = 3});
  expect_right({.tasks = {[](model &m) {
                            if (m.watch(0))
                              fail("nobody has received");
                          },
                          [](model &m) { m.close(0); }},
                .capacities = {0},
                .switches = 5});
}

TEST(chan_model_test, finds_mistakes) {
  const auto pair = [](mistake m) {
    return explore<model>(scenario{.tasks = {[](model &o) { send_two(o, 0, 100); }, [](model &o) { receive_two(o, 0); }},
                                   .capacities = {0},
                                   .switches = 2,
                                   .with = m})
        .failure;
  };
  EXPECT_NE(pair(mistake::parks_behind_the_lock), "");
  EXPECT_NE(pair(mistake::wakes_before_it_delivers), "");
  const auto timed = [](mistake m) {
    return explore<model>(scenario{.tasks = {[](model &o) { o.select({{0, false}, {1, false}}, patience::some); },
                                             [](model &o) { o.select({{0, true, 100}}, patience::none); }},
                                   .capacities = {0, 0},
                                   .switches = 3,
                                   .with = m})
        .failure;
  };
  EXPECT_NE(timed(mistake::claims_in_two_steps), "");
  EXPECT_NE(timed(mistake::timer_behind_the_locks), "");
  EXPECT_NE(timed(mistake::goes_on_without_the_locks), "");
  EXPECT_EQ(timed(mistake::none), "");
}

} // namespace
} // namespace stillpoint::test::chan_model
