// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// select: which case goes on, fairness, waiting, timeouts, handlers; cases in an array.
#include "chan_support.h"

#include <array>
#include <atomic>
#include <memory>
#include <string>
#include <vector>

namespace stillpoint::test {
namespace {

class select_test : public on_processors {};
STILLPOINT_ON_PROCESSORS(select_test);

// test/chan/select.go: null channels take no part; what is ready goes on.
STILLPOINT_ON_EACH(select_test, only_what_can_go_on) {
  unsigned number = 0, sends = 0;
  const chan<unsigned> a(1), b(1), null;
  const auto turn = [&](bool with_a, bool with_b) {
    return select(on_send(with_a ? a : null, number, [&] { ++sends; }), on_send(with_b ? b : null, number, [&] { ++sends; }), on_default());
  };
  EXPECT_EQ(turn(true, false), 0u);
  EXPECT_EQ(turn(true, false), 2u);
  EXPECT_EQ(turn(true, true), 1u);
  EXPECT_EQ(turn(true, true), 2u);
  EXPECT_EQ(turn(false, false), 2u);
  EXPECT_EQ(sends, 2u);
  EXPECT_EQ(a.receive(), 0u);
  EXPECT_EQ(b.receive(), 0u);
}

// test/chan/nonblock.go.
STILLPOINT_ON_EACH(select_test, defaults) {
  for (const std::size_t capacity : {0, 1}) {
    const chan<std::string> c(capacity);
    EXPECT_EQ(select(on_receive(c), on_default()), 1u);
    EXPECT_EQ(select(on_send(c, "a"), on_default()), capacity ? 0u : 1u);
    if (capacity)
      c.receive();
    const chan<int> done(0);
    go([=] {
      EXPECT_EQ(c.receive(), "b");
      done.send(0);
    });
    EXPECT_TRUE(eventually([&] { return select(on_send(c, "b"), on_default()) == 0; }));
    done.receive();
    go([=] { c.send("c"); });
    std::optional<std::string> got;
    EXPECT_TRUE(
        eventually([&] { return select(on_receive(c, [&](std::optional<std::string> s) { got = std::move(s); }), on_default()) == 0; }));
    EXPECT_EQ(got, "c");
  }
}

// runtime/chan_test.go, TestNonblockSelectRace: one of two is always ready, so there is no default.
STILLPOINT_ON_EACH(select_test, no_default_while_one_of_two_is_ready) {
  const chan<bool> done(1);
  for (int i = 0; i < 2000; ++i) {
    const chan<int> c1(1), c2(1);
    c1.send(1);
    go([=] { done.send(select(on_receive(c1), on_receive(c2), on_default()) != 2); });
    c2.send(1);
    c1.try_receive();
    ASSERT_EQ(done.receive(), true);
  }
}

// runtime/chan_test.go, TestNonblockSelectRace2: the same with a close.
STILLPOINT_ON_EACH(select_test, no_default_while_one_of_two_is_ready_or_closed) {
  const chan<bool> done(1);
  for (int i = 0; i < 2000; ++i) {
    const chan<int> c1(1), c2(0);
    c1.send(1);
    go([=] { done.send(select(on_receive(c1), on_receive(c2), on_default()) != 2); });
    c2.close();
    c1.try_receive();
    ASSERT_EQ(done.receive(), true);
  }
}

// runtime/chan_test.go, TestSelfSelect: a select that sends to and receives from one channel does not meet itself.
STILLPOINT_ON_EACH(select_test, does_not_meet_itself) {
  for (const std::size_t capacity : {0, 10}) {
    wait_group group;
    const chan<int> c(capacity);
    for (int p = 0; p < 2; ++p)
      go_in(group, [=] {
        for (int i = 0; i < 1000; ++i) {
          const auto received = [=](std::optional<int> v) {
            if (capacity == 0)
              EXPECT_NE(v, p);
          };
          if (p == 0 || i % 2 == 0)
            select(on_send(c, p), on_receive(c, received));
          else
            select(on_receive(c, received), on_send(c, p));
        }
      });
    group.wait();
  }
}

// runtime/chan_test.go, TestSelectStress.
STILLPOINT_ON_EACH(select_test, stress) {
  constexpr int count = 2000;
  const std::array<chan<int>, 4> c{chan<int>(0), chan<int>(0), chan<int>(2), chan<int>(3)};
  wait_group group;
  for (int k = 0; k < 4; ++k) {
    go_in(group, [=] {
      for (int i = 0; i < count; ++i)
        c[static_cast<std::size_t>(k)].send(0);
    });
    go_in(group, [=] {
      for (int i = 0; i < count; ++i)
        c[static_cast<std::size_t>(k)].receive();
    });
  }
  const auto all = [&](auto arm) {
    std::array<chan<int>, 4> left = c;
    std::array<int, 4> n{};
    const auto on = [&](std::size_t k) {
      return arm(left[k], [&, k] {
        if (++n[k] == count)
          left[k] = {};
      });
    };
    for (int i = 0; i < 4 * count; ++i)
      select(on(3), on(2), on(0), on(1));
  };
  go_in(group, [&] { all([](const chan<int> &to, auto f) { return on_send(to, 0, f); }); });
  go_in(group, [&] { all([](const chan<int> &from, auto f) { return on_receive(from, f); }); });
  group.wait();
}

// runtime/chan_test.go, TestSelectFairness.
STILLPOINT_ON_EACH(select_test, fairness) {
  constexpr int trials = 10'000;
  const chan<int> c1(trials + 1), c2(trials + 1);
  for (int i = 0; i < trials + 1; ++i) {
    c1.send(1);
    c2.send(2);
  }
  const chan<int> c3(0), c4(0), out(0), done(0);
  wait_group group;
  go_in(group, [=] {
    for (bool go_on = true; go_on;) {
      int b = 0;
      const auto take = [&](std::optional<int> v) { b = *v; };
      select(on_receive(c3, take), on_receive(c4, take), on_receive(c1, take), on_receive(c2, take));
      select(on_send(out, b), on_receive(done, [&] { go_on = false; }));
    }
  });
  int firsts = 0, seconds = 0;
  for (int i = 0; i < trials; ++i)
    ++(*out.receive() == 1 ? firsts : seconds);
  done.close();
  group.wait();
  // The probability that a fair coin is that far off is one in 10^16.
  EXPECT_GT(firsts, trials / 2 - 420);
  EXPECT_GT(seconds, trials / 2 - 420);
}

STILLPOINT_ON_EACH(select_test, fairness_of_eight) {
  std::array<int, 8> times{};
  chan<int> closed(0);
  closed.close();
  for (int i = 0; i < 8000; ++i) {
    const auto on = [&](std::size_t k) { return on_receive(closed, [&, k] { ++times[k]; }); };
    select(on(0), on(1), on(2), on(3), on(4), on(5), on(6), on(7));
  }
  for (const int n : times)
    EXPECT_NEAR(n, 1000, 250); // eight standard deviations
}

// runtime/chan_test.go, TestSelectDuplicateChannel.
STILLPOINT_ON_EACH(select_test, one_channel_twice) {
  const chan<int> c(0), d(0), e(0);
  go([=] {
    select(on_receive(c), on_receive(d), on_receive(e));
    e.send(9);
  });
  let_others_wait();
  go([=] { EXPECT_EQ(c.receive(), 8); });
  let_others_wait();
  d.send(7);
  EXPECT_EQ(e.receive(), 9); // the select has left the queue of c
  c.send(8);

  go([=] { select(on_receive(c), on_receive(c), on_receive(c), on_receive(d)); });
  let_others_wait();
  d.send(1);
  EXPECT_FALSE(c.try_send(2));
}

// test/chan/select6.go: a select that is over leaves those behind it in the queue alone.
STILLPOINT_ON_EACH(select_test, leaves_the_middle_of_a_queue) {
  const chan<bool> c1(0), c2(0), c3(0), c4(0);
  go([=] { c1.receive(); });
  let_others_wait();
  go([=] {
    EXPECT_EQ(select(on_receive(c1), on_receive(c2)), 1u);
    c3.send(true);
  });
  let_others_wait();
  go([=] { c1.receive(); });
  let_others_wait();
  c2.send(true);
  c3.receive();
  c1.send(true);
  c1.send(true);
  EXPECT_FALSE(c1.try_send(true));

  go([=] { c1.send(true); });
  let_others_wait();
  go([=] {
    EXPECT_EQ(select(on_send(c1, true), on_send(c4, true)), 1u);
    c3.send(true);
  });
  let_others_wait();
  go([=] { c1.send(true); });
  let_others_wait();
  c4.receive();
  c3.receive();
  c1.receive();
  c1.receive();
  EXPECT_EQ(c1.try_receive(), std::nullopt);
}

// test/chan/select7.go: every way to receive meets every way to send.
STILLPOINT_ON_EACH(select_test, meets_plain_operations) {
  using way = void (*)(chan<int>);
  constexpr way receivers[] = {[](chan<int> c) { c.receive(); }, [](chan<int> c) { select(on_receive(c)); },
                               [](chan<int> c) { select(on_receive(c), on_receive(c)); },
                               [](chan<int> c) { select(on_receive(c), on_receive(chan<int>(0))); },
                               [](chan<int> c) { select(on_receive(c), on_timeout(1h)); }};
  constexpr way senders[] = {[](chan<int> c) { c.send(1); }, [](chan<int> c) { select(on_send(c, 2)); },
                             [](chan<int> c) { select(on_send(c, 3), on_receive(chan<int>(0))); },
                             [](chan<int> c) { select(on_send(c, 4), on_timeout(1h)); }};
  for (const way receive : receivers)
    for (const way send : senders)
      for (const bool receiver_first : {false, true}) {
        const chan<int> c(0);
        wait_group group;
        go_in(group, [=] { (receiver_first ? receive : send)(c); });
        let_others_wait();
        (receiver_first ? send : receive)(c);
        group.wait();
      }
}

// test/chan/doubleselect.go: nothing is received twice.
STILLPOINT_ON_EACH(select_test, nothing_twice) {
  constexpr int iterations = 10'000;
  const std::array<chan<int>, 4> c{chan<int>(0), chan<int>(0), chan<int>(0), chan<int>(0)};
  const chan<int> merged(0);
  go([=] {
    for (int i = 0; i < iterations; ++i)
      select(on_send(c[0], i), on_send(c[1], i), on_send(c[2], i), on_send(c[3], i));
    for (const auto &each : c)
      each.close();
  });
  wait_group group;
  for (const auto &each : c)
    go_in(group, [=] {
      for (const int v : each)
        merged.send(v);
    });
  go([&] {
    group.wait();
    merged.close();
  });
  std::vector<int> seen(iterations);
  for (const int v : merged)
    ++seen[static_cast<std::size_t>(v)];
  EXPECT_EQ(seen, std::vector<int>(iterations, 1));
}

STILLPOINT_ON_EACH(select_test, close_ends_a_wait) {
  for (const bool sends : {false, true}) {
    const chan<std::string> c(0), other(0);
    const chan<int> ended(0);
    go([=] {
      if (sends) {
        EXPECT_THROW(select(on_receive(other), on_send(c, "x")), closed_channel);
      } else {
        EXPECT_EQ(select(on_receive(other), on_receive(c, [](std::optional<std::string> v) { EXPECT_EQ(v, std::nullopt); })), 1u);
      }
      ended.send(1);
    });
    let_others_wait();
    c.close();
    EXPECT_EQ(ended.receive(), 1);
    EXPECT_FALSE(other.try_send("nobody waits any more"));
  }
}

// Timeouts.

STILLPOINT_ON_EACH(select_test, a_timeout_ends_a_wait) {
  const chan<int> c(0);
  const auto begin = std::chrono::steady_clock::now();
  bool handled = false;
  EXPECT_EQ(select(on_receive(c), on_timeout(5ms, [&] { handled = true; }), on_send(c, 1)), 1u);
  EXPECT_GE(std::chrono::steady_clock::now() - begin, 5ms);
  EXPECT_TRUE(handled);
  EXPECT_EQ(select(on_timeout(1us)), 0u);
  EXPECT_EQ(select(on_timeout(-1s), on_receive(c)), 0u);
  EXPECT_FALSE(c.try_send(1)); // it left both queues
  EXPECT_EQ(c.try_receive(), std::nullopt);
}

STILLPOINT_ON_EACH(select_test, a_timeout_that_is_not_needed) {
  const chan<int> c(0), d(0);
  go([=] {
    for (int i = 0; i < 1000; ++i)
      c.send(i);
    c.close();
  });
  int expected = 0;
  for (bool open = true; open;)
    EXPECT_EQ(select(on_timeout(1h), on_receive(d),
                     on_receive(c,
                                [&](std::optional<int> v) {
                                  open = v.has_value();
                                  if (v)
                                    EXPECT_EQ(*v, expected++);
                                })),
              2u);
  EXPECT_EQ(expected, 1000);
}

// Timeouts that come just when a value does: each value arrives once, or was not sent.
STILLPOINT_ON_EACH(select_test, timeouts_lose_nothing) {
  for (const std::size_t capacity : {0, 1}) {
    const chan<int> c(capacity);
    std::atomic<long> sent = 0;
    long received = 0;
    wait_group group;
    for (int t = 0; t < 2; ++t)
      go_in(group, [&, t] {
        for (int i = 0; i < 300; ++i)
          if (select(on_send(c, i), on_timeout(std::chrono::microseconds(10 + (i * 7 + t) % 50))) == 0)
            sent += i;
      });
    go([&] {
      group.wait();
      c.close();
    });
    for (bool open = true; open;)
      select(on_receive(c,
                        [&](std::optional<int> v) {
                          open = v.has_value();
                          received += v.value_or(0);
                        }),
             on_timeout(30us));
    EXPECT_EQ(sent, received);
  }
}

// Handlers and values.

STILLPOINT_ON_EACH(select_test, handlers) {
  const chan<std::unique_ptr<int>> c(1), full(1);
  full.send(nullptr);
  EXPECT_EQ(select(on_send(full, std::make_unique<int>(1)), on_send(c, std::make_unique<int>(2))), 1u);
  int got = 0;
  EXPECT_EQ(select(on_receive(c, [&](auto v) { got = **v; })), 0u);
  EXPECT_EQ(got, 2);
  struct unexpected {};
  EXPECT_THROW(select(on_default([] { throw unexpected(); })), unexpected);
  EXPECT_EQ(select(on_receive(full, [=] { c.send(nullptr); })), 0u); // a handler may do anything
  EXPECT_EQ(c.size(), 1u);
  EXPECT_EQ(select(on_receive(chan_receiver<std::unique_ptr<int>>(c)), on_send(chan_sender<int>(), 1)), 0u);

  // A case may be used again; what was not sent is still in it.
  auto sending = on_send(c, std::make_unique<int>(3));
  c.send(nullptr);
  EXPECT_EQ(select(sending, on_default()), 1u);
  c.receive();
  EXPECT_EQ(select(sending, on_default()), 0u);
  EXPECT_EQ(**c.receive(), 3);
}

// Cases in an array.

STILLPOINT_ON_EACH(select_test, cases_known_at_run_time) {
  constexpr std::size_t count = 100;
  std::vector<chan<int>> channels;
  std::vector<std::optional<int>> got(count);
  std::vector<select_entry> cases;
  for (std::size_t i = 0; i < count; ++i) {
    channels.emplace_back(i % 3);
    cases.push_back(select_entry::receive(channels.back(), got[i]));
  }
  EXPECT_EQ(select_for(cases, 0s), count);
  EXPECT_EQ(select_for(cases, 1ms), count);
  for (std::size_t i = 0; i < count; ++i)
    go([=] { channels[i].send(static_cast<int>(i)); });
  std::vector<int> times(count);
  for (std::size_t n = 0; n < count; ++n) {
    const std::size_t i = select(cases);
    ASSERT_LT(i, count);
    ++times[i];
    EXPECT_EQ(got[i], static_cast<int>(i));
  }
  EXPECT_EQ(times, std::vector<int>(count, 1));
  channels[7].close();
  EXPECT_EQ(select(cases), 7u);
  EXPECT_EQ(got[7], std::nullopt);

  std::string text = "a string that is too long to be kept inside of the object";
  const chan<std::string> strings(1);
  std::optional<std::string> received;
  std::vector<select_entry> both{select_entry::send(strings, text), select_entry::receive(strings, received)};
  EXPECT_EQ(select(both), 0u);
  EXPECT_EQ(text, "");
  EXPECT_EQ(select(both), 1u);
  EXPECT_EQ(received->size(), 57u);
  std::vector<select_entry> none;
  EXPECT_EQ(select_for(none, 1us), 0u);
}

// test/chan/select2.go: what waits leaves nothing behind.
STILLPOINT_ON_EACH(select_test, waits_in_a_channel_that_is_never_ready) {
  const chan<int> data(0), never_ready(0);
  go([=] {
    for (int i = 0; i < 5000; ++i)
      data.send(i);
    data.close();
  });
  bool open = true;
  while (open)
    select(on_receive(data, [&](std::optional<int> v) { open = v.has_value(); }), on_receive(never_ready));
  EXPECT_FALSE(never_ready.try_send(1));
}

TEST(select, outside_of_tasks) { EXPECT_THROW(select(on_receive(chan<int>(0))), std::logic_error); }

} // namespace
} // namespace stillpoint::test
