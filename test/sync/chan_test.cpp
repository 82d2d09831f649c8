// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Channels: each operation on open, closed, full, empty and null ones; order; threads and runs.
#include "chan_support.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace stillpoint::test {
namespace {

class chan_test : public on_processors {};
STILLPOINT_ON_PROCESSORS(chan_test);

// runtime/chan_test.go, TestChan, by its parts, for capacities 0 to 9.

STILLPOINT_ON_EACH(chan_test, an_empty_one_makes_receivers_wait) { // TestChan 1
  for (std::size_t capacity = 0; capacity < 10; ++capacity) {
    chan<int> c(capacity);
    std::atomic<int> received = 0;
    for (int i = 0; i < 2; ++i)
      go([c, &received] {
        c.receive();
        ++received;
      });
    let_others_wait();
    EXPECT_EQ(received, 0);
    EXPECT_EQ(select(on_receive(c), on_default()), 1u);
    c.send(0);
    c.send(0);
    ASSERT_TRUE(eventually([&] { return received == 2; }));
  }
}

STILLPOINT_ON_EACH(chan_test, a_full_one_makes_senders_wait) { // TestChan 2
  for (std::size_t capacity = 0; capacity < 10; ++capacity) {
    chan<int> c(capacity);
    for (std::size_t i = 0; i < capacity; ++i)
      c.send(static_cast<int>(i));
    std::atomic<bool> sent = false;
    go([c, &sent] {
      c.send(0);
      sent = true;
    });
    let_others_wait();
    EXPECT_FALSE(sent);
    EXPECT_FALSE(c.try_send(0));
    EXPECT_EQ(c.size(), capacity);
    c.receive();
    ASSERT_TRUE(eventually([&] { return sent.load(); }));
  }
}

STILLPOINT_ON_EACH(chan_test, a_closed_one_says_so_for_ever) { // TestChan 3
  for (std::size_t capacity = 0; capacity < 10; ++capacity) {
    chan<int> c(capacity);
    for (std::size_t i = 0; i < capacity; ++i)
      c.send(static_cast<int>(i));
    c.close();
    for (std::size_t i = 0; i < capacity; ++i)
      EXPECT_EQ(c.receive(), static_cast<int>(i));
    EXPECT_EQ(c.receive(), std::nullopt);
    EXPECT_EQ(c.receive(), std::nullopt);
    std::optional<int> value = 3;
    EXPECT_TRUE(c.try_receive(value));
    EXPECT_EQ(value, std::nullopt);
  }
}

STILLPOINT_ON_EACH(chan_test, close_wakes_receivers) { // TestChan 4
  for (std::size_t capacity = 0; capacity < 10; ++capacity) {
    chan<int> c(capacity);
    chan<bool> done(3);
    for (int i = 0; i < 3; ++i)
      go([=] { done.send(c.receive() == std::nullopt); });
    let_others_wait();
    c.close();
    for (int i = 0; i < 3; ++i)
      EXPECT_EQ(done.receive(), true);
  }
}

STILLPOINT_ON_EACH(chan_test, a_hundred_in_order) { // TestChan 5
  for (std::size_t capacity = 0; capacity < 10; ++capacity) {
    chan<int> c(capacity);
    go([c] {
      for (int i = 0; i < 100; ++i)
        c.send(i);
    });
    for (int i = 0; i < 100; ++i)
      ASSERT_EQ(c.receive(), i);
  }
}

STILLPOINT_ON_EACH(chan_test, from_four_tasks_to_four) { // TestChan 6
  constexpr int each = 1000, tasks = 4;
  for (std::size_t capacity = 0; capacity < 10; ++capacity) {
    chan<int> c(capacity);
    chan<std::array<int, each>> counted(0);
    for (int t = 0; t < tasks; ++t) {
      go([c] {
        for (int i = 0; i < each; ++i)
          c.send(i);
      });
      go([=] {
        std::array<int, each> seen{};
        for (int i = 0; i < each; ++i)
          ++seen[static_cast<std::size_t>(*c.receive())];
        counted.send(seen);
      });
    }
    std::array<int, each> all{};
    for (int t = 0; t < tasks; ++t) {
      const auto seen = *counted.receive();
      for (std::size_t i = 0; i < each; ++i)
        all[i] += seen[i];
    }
    for (const int times : all)
      ASSERT_EQ(times, tasks);
  }
}

STILLPOINT_ON_EACH(chan_test, size_and_capacity) { // TestChan 7
  const chan<int> c(10);
  EXPECT_EQ(c.size(), 0u);
  EXPECT_EQ(c.capacity(), 10u);
  for (int i = 0; i < 4; ++i)
    c.send(i);
  EXPECT_EQ(c.size(), 4u);
  EXPECT_EQ(chan<int>().size(), 0u);
  EXPECT_EQ(chan<int>().capacity(), 0u);
  EXPECT_EQ(make_chan<int>().capacity(), 0u);
}

// test/closedchan.go: all operations on closed channels.
STILLPOINT_ON_EACH(chan_test, operations_on_closed_ones) {
  for (const std::size_t capacity : {0, 1}) {
    const chan<int> c(capacity);
    c.close();
    EXPECT_THROW(c.send(1), closed_channel);
    EXPECT_THROW(c.try_send(1), closed_channel);
    EXPECT_THROW(c.close(), closed_channel);
    EXPECT_THROW(select(on_send(c, 1)), closed_channel);
    EXPECT_THROW(select(on_send(c, 1), on_default()), closed_channel);
    EXPECT_EQ(select(on_receive(c), on_default()), 0u);
  }
  EXPECT_THROW(chan<int>().close(), closed_channel);
}

STILLPOINT_ON_EACH(chan_test, close_throws_in_waiting_senders) {
  for (const std::size_t capacity : {0, 1}) {
    const chan<std::string> c(capacity);
    std::atomic<int> thrown = 0;
    wait_group group;
    for (std::size_t i = 0; i < 3 + capacity; ++i)
      go_in(group, [&] {
        try {
          c.send("a string that is too long to be kept inside of the object");
        } catch (const closed_channel &) {
          ++thrown;
        }
      });
    let_others_wait();
    c.close();
    group.wait();
    EXPECT_EQ(thrown, 3);
  }
}

// test/chan/select3.go: which operations wait.
STILLPOINT_ON_EACH(chan_test, null_ones_wait_for_ever) {
  const chan<int> null;
  std::atomic<int> came_back = 0;
  go([&] {
    null.send(7);
    ++came_back;
  });
  go([&] {
    null.receive();
    ++came_back;
  });
  go([&] {
    select(on_receive(null), on_send(null, 7));
    ++came_back;
  });
  go([&] {
    select();
    ++came_back;
  });
  EXPECT_FALSE(null.try_send(7));
  EXPECT_EQ(null.try_receive(), std::nullopt);
  EXPECT_EQ(select(on_receive(null), on_send(null, 7), on_default()), 2u);
  EXPECT_EQ(select(on_receive(null), on_timeout(1ms)), 1u);
  let_others_wait();
  EXPECT_EQ(came_back, 0);
}

// test/chan/fifo.go, AsynchFifo and SynchFifo.
STILLPOINT_ON_EACH(chan_test, fifo) {
  chan<int> buffered(10);
  for (int i = 0; i < 10; ++i)
    buffered.send(i);
  for (int i = 0; i < 10; ++i)
    EXPECT_EQ(buffered.receive(), i);

  const chan<int> c(0);
  chan<int> in(0);
  const chan<int> start = in;
  for (int i = 0; i < 10; ++i) {
    const chan<int> out(0);
    go([=] {
      in.receive();
      EXPECT_EQ(c.receive(), i);
      out.send(1);
    });
    in = out;
  }
  start.send(0);
  for (int i = 0; i < 10; ++i)
    c.send(i);
  in.receive();
}

STILLPOINT_ON_EACH(chan_test, waiting_senders_and_receivers_are_served_in_order) {
  const chan<int> c(0);
  chan<int> order(10);
  for (int i = 0; i < 10; ++i) {
    go([=] { c.send(i); });
    let_others_wait();
  }
  for (int i = 0; i < 10; ++i)
    EXPECT_EQ(c.receive(), i);
  for (int i = 0; i < 10; ++i) {
    go([=] {
      c.receive();
      order.send(i);
    });
    let_others_wait();
  }
  for (int i = 0; i < 10; ++i) {
    c.send(0);
    EXPECT_EQ(order.receive(), i);
  }
}

// test/chan/goroutines.go: a chain of many tasks.
STILLPOINT_ON_EACH(chan_test, a_chain_of_a_thousand_tasks) {
  const chan<int> leftmost(0);
  chan<int> right = leftmost;
  for (int i = 0; i < 1000; ++i) {
    const chan<int> left = right;
    right = chan<int>(0);
    go([=] { left.send(1 + *right.receive()); });
  }
  go([=] { right.send(0); });
  EXPECT_EQ(leftmost.receive(), 1000);
}

// test/chan/sieve1.go.
STILLPOINT_ON_EACH(chan_test, sieve) {
  const auto filter = [](chan_receiver<int> in, chan_sender<int> out, int prime) {
    for (const int i : in)
      if (i % prime != 0)
        out.send(i);
    out.close();
  };
  chan<int> numbers(0);
  go([numbers] {
    for (int i = 2; i < 100; ++i)
      numbers.send(i);
    numbers.close();
  });
  std::vector<int> primes;
  while (const std::optional<int> prime = numbers.receive()) {
    primes.push_back(*prime);
    const chan<int> next(0);
    go([=] { filter(numbers, next, *prime); });
    numbers = next;
  }
  EXPECT_EQ(primes, (std::vector{2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97}));
}

// test/chan/zerosize.go.
STILLPOINT_ON_EACH(chan_test, values_without_content) {
  struct nothing {};
  const chan<nothing> c(2), d(0);
  c.send({});
  c.send({});
  EXPECT_FALSE(c.try_send({}));
  EXPECT_TRUE(c.receive());
  go([=] { d.send({}); });
  EXPECT_TRUE(d.receive());
}

// runtime/chan_test.go, TestPseudoRandomSend.
STILLPOINT_ON_EACH(chan_test, pseudo_random_send) {
  for (const std::size_t capacity : {0, 1}) {
    const chan<int> c(capacity), ended(0);
    const auto sent = std::make_shared<std::vector<int>>(100);
    go([=] {
      for (int &v : *sent) {
        yield();
        v = *c.receive();
      }
      ended.send(0);
    });
    for (int i = 0; i < 100; ++i)
      select(on_send(c, 1), on_send(c, 0));
    ended.receive();
    const auto zeros = std::ranges::count(*sent, 0);
    EXPECT_GT(zeros, 10);
    EXPECT_LT(zeros, 90);
  }
}

// runtime/chan_test.go, TestMultiConsumer.
STILLPOINT_ON_EACH(chan_test, many_consumers) {
  constexpr int workers = 23, count = 20'000;
  const int primes[] = {2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97};
  const chan<int> q(workers * 3), r(workers * 3);
  wait_group group;
  for (int i = 0; i < workers; ++i)
    go_in(group, [&, i] {
      for (const int v : q) {
        if (primes[i % 25] == v)
          yield();
        r.send(v);
      }
    });
  long expected = 0;
  go([&] {
    for (int i = 0; i < count; ++i) {
      expected += primes[i % 25];
      q.send(primes[i % 25]);
    }
    q.close();
    group.wait();
    r.close();
  });
  int n = 0;
  long sum = 0;
  for (const int v : r) {
    ++n;
    sum += v;
  }
  EXPECT_EQ(n, count);
  EXPECT_EQ(sum, expected);
}

// runtime/chan_test.go, TestNonblockRecvRace: a receive that does not wait sees that the channel was closed.
STILLPOINT_ON_EACH(chan_test, a_try_behind_a_close_is_never_told_to_wait) {
  for (int i = 0; i < 2000; ++i) {
    const chan<int> c(1);
    c.send(1);
    go([c] {
      std::optional<int> value;
      EXPECT_TRUE(c.try_receive(value));
    });
    c.close();
    c.receive();
  }
}

STILLPOINT_ON_EACH(chan_test, unbuffered_try_meets_those_who_wait) {
  const chan<int> c(0), back(1);
  EXPECT_FALSE(c.try_send(1));
  std::optional<int> value;
  EXPECT_FALSE(c.try_receive(value));
  go([=] { back.send(*c.receive()); });
  ASSERT_TRUE(eventually([&] { return c.try_send(4); }));
  EXPECT_EQ(back.receive(), 4);
  go([=] { c.send(5); });
  ASSERT_TRUE(eventually([&] { return c.try_receive(value); }));
  EXPECT_EQ(value, 5);
}

TEST(chan, outside_of_tasks) {
  const chan<int> c(2);
  c.send(1);
  EXPECT_TRUE(c.try_send(2));
  EXPECT_FALSE(c.try_send(3));
  EXPECT_THROW(c.send(3), std::logic_error);
  EXPECT_EQ(c.receive(), 1);
  EXPECT_EQ(c.receive(), 2);
  EXPECT_THROW(c.receive(), std::logic_error);
  c.close();
  EXPECT_EQ(c.receive(), std::nullopt);
  EXPECT_THROW(chan<int>().receive(), std::logic_error);
  EXPECT_THROW(chan<int>().send(1), std::logic_error);
  EXPECT_THROW(chan<int>(SIZE_MAX / 4), std::length_error);
  EXPECT_THROW(chan<int>(std::size_t{1} << 55), std::bad_alloc);
}

STILLPOINT_ON_EACH(chan_test, a_thread_hands_over_to_tasks) {
  const chan<int> c(0);
  std::thread other([&] {
    for (int i = 0; i < 200; ++i)
      while (!c.try_send(i))
        std::this_thread::yield();
  });
  for (int i = 0; i < 200; ++i)
    ASSERT_EQ(c.receive(), i);
  other.join();
}

// Tasks that were left waiting by an earlier run() take nothing, and nothing is taken from them.
TEST(chan, a_channel_outlives_a_run) {
  const chan<std::string> c(0), full(1);
  full.send("kept");
  for (int round = 0; round < 3; ++round)
    run_on(2, [&] {
      go([&] { c.receive(); });
      go([&] { full.send("lost"); });
      go([&] { select(on_receive(c), on_receive(chan<int>(0))); });
      sleep_for(2ms);
    });
  run_on(2, [&] {
    EXPECT_FALSE(c.try_send("nobody is there"));
    go([&] { c.send("somebody is"); });
    EXPECT_EQ(c.receive(), "somebody is");
    EXPECT_EQ(full.receive(), "kept");
    EXPECT_EQ(full.try_receive(), std::nullopt);
  });
}

} // namespace
} // namespace stillpoint::test
