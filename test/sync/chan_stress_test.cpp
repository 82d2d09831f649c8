// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Many tasks on few channels, by every operation at once: nothing is lost, nothing comes twice, everybody comes to an end.
#include "chan_support.h"

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

namespace stillpoint::test {
namespace {

class chan_stress : public on_processors {};
STILLPOINT_ON_PROCESSORS(chan_stress);

// A value that says if it was copied, torn or destroyed twice.
class parcel {
public:
  explicit parcel(std::uint64_t n) : number_(n), echo_(std::make_unique<std::uint64_t>(~n)) {}
  [[nodiscard]] std::uint64_t open() const { return echo_ && *echo_ == ~number_ ? number_ : 0; }

private:
  std::uint64_t number_;
  std::unique_ptr<std::uint64_t> echo_;
};

template <class T>
std::uint64_t number_of(const T &v) {
  if constexpr (std::is_same_v<T, parcel>)
    return v.open();
  else
    return v;
}

struct tally {
  std::atomic<std::uint64_t> count = 0, sum = 0;
  void add(std::uint64_t n) {
    ++count;
    sum += n;
  }
};

// Sends `rounds` values in one of four ways, by turns.
template <class T>
void produce(const std::array<chan<T>, 3> &c, unsigned me, unsigned rounds, tally &sent) {
  for (unsigned i = 0; i < rounds; ++i) {
    const std::uint64_t n = me * 1'000'003u + i + 1;
    const chan<T> &one = c[(me + i) % 3];
    switch ((me + i / 7) % 4) {
    case 0:
      one.send(T(n));
      break;
    case 1:
      if (T value(n); !one.try_send(std::move(value)))
        one.send(std::move(value));
      break;
    case 2:
      select(on_send(c[0], T(n)), on_send(c[1], T(n)), on_send(c[2], T(n)));
      break;
    default:
      if (select(on_send(one, T(n)), on_timeout(20us)) != 0)
        continue;
    }
    sent.add(n);
  }
}

// Receives until all are closed, from one by a range, or from all by turns.
template <class T>
void consume(std::array<chan<T>, 3> c, unsigned me, tally &received) {
  if (me < 3) {
    for (const T &v : c[me])
      received.add(number_of(v));
    return;
  }
  unsigned open = 3;
  const auto take = [&](std::size_t k, const std::optional<T> &v) {
    if (v) {
      received.add(number_of(*v));
    } else {
      c[k] = {};
      --open;
    }
  };
  const auto from = [&](std::size_t k) { return on_receive(c[k], [&, k](std::optional<T> v) { take(k, v); }); };
  unsigned i = me;
  while (open != 0) {
    if (std::optional<T> v; ++i % 4 == 0 && c[i % 3].try_receive(v))
      take(i % 3, v);
    else if (i % 4 == 1)
      select(from(0), from(1), from(2), on_timeout(30us));
    else
      select(from(2), from(0), from(1));
  }
}

template <class T>
void many_to_many(std::size_t capacity) {
  const std::array<chan<T>, 3> c{chan<T>(capacity), chan<T>(capacity), chan<T>(2 * capacity)};
  tally sent, received;
  wait_group producers, consumers;
  for (unsigned t = 0; t < 8; ++t) {
    go_in(producers, [&, t] { produce(c, t, 400, sent); });
    go_in(consumers, [&, t] { consume(c, t, received); });
  }
  producers.wait();
  for (const auto &each : c)
    each.close();
  consumers.wait();
  EXPECT_EQ(sent.count, received.count);
  EXPECT_EQ(sent.sum, received.sum);
}

STILLPOINT_ON_EACH(chan_stress, words_unbuffered) { many_to_many<std::uint64_t>(0); }
STILLPOINT_ON_EACH(chan_stress, words_buffered) { many_to_many<std::uint64_t>(1); }
STILLPOINT_ON_EACH(chan_stress, parcels_unbuffered) { many_to_many<parcel>(0); }
STILLPOINT_ON_EACH(chan_stress, parcels_buffered) { many_to_many<parcel>(2); }

// Pairs that hand one value back and forth, while others do.
STILLPOINT_ON_EACH(chan_stress, ping_pong_in_pairs) {
  wait_group group;
  for (int pair = 0; pair < 8; ++pair) {
    const chan<int> there(0), back(0);
    go_in(group, [=] {
      for (const int v : there)
        back.send(v + 1);
      back.close();
    });
    go_in(group, [=] {
      int v = 0;
      for (int i = 0; i < 2000; ++i) {
        there.send(v);
        v = *back.receive();
      }
      there.close();
      EXPECT_EQ(v, 2000);
    });
  }
  group.wait();
}

// Selects that face each other: each wants to send to the other or to receive from it.
STILLPOINT_ON_EACH(chan_stress, selects_that_face_each_other) {
  const chan<int> a(0), b(0);
  std::atomic<long> sent = 0, received = 0;
  wait_group group;
  for (int t = 0; t < 6; ++t)
    go_in(group, [&, t] {
      for (int i = 1; i <= 1500; ++i) {
        const auto in = [&](std::optional<int> v) { received += v.value_or(0); };
        const std::size_t k =
            t % 2 ? select(on_send(a, i), on_receive(b, in), on_timeout(1ms)) : select(on_receive(a, in), on_send(b, i), on_timeout(1ms));
        if (k == (t % 2 ? 0u : 1u))
          sent += i;
      }
    });
  group.wait();
  EXPECT_EQ(sent, received);
}

// Closing while everybody is at it: every send that did not throw has arrived.
STILLPOINT_ON_EACH(chan_stress, close_in_the_middle) {
  for (int round = 0; round < 100; ++round) {
    const chan<parcel> c(static_cast<std::size_t>(round % 3));
    tally sent, received;
    wait_group group;
    for (unsigned t = 0; t < 4; ++t) {
      go_in(group, [&] {
        try {
          for (std::uint64_t n = 1;; ++n) {
            if (n % 2)
              c.send(parcel(n));
            else
              select(on_send(c, parcel(n)), on_receive(chan<int>()));
            sent.add(n);
          }
        } catch (const closed_channel &) {
        }
      });
      go_in(group, [&] {
        for (const parcel &p : c)
          received.add(p.open());
      });
    }
    sleep_for(std::chrono::microseconds(round));
    c.close();
    group.wait();
    EXPECT_EQ(sent.count, received.count);
    EXPECT_EQ(sent.sum, received.sum);
  }
}

// Who gave way gets its turn beside many chains of tasks that wake each other: when one runs, others are woken already, and each begins a slice of
// its own.
TEST(chan_stop, chains_of_woken_tasks_keep_nobody_out) {
  constexpr unsigned chains = 64;
  constexpr long most = 1'000'000; // a slice has room for some ten thousand
  std::atomic<long> links = 0;
  run_on(1, [&] {
    std::vector<chan<int>> places;
    for (unsigned t = 0; t < 2 * chains; ++t)
      places.emplace_back(1);
    wait_group group;
    for (unsigned t = 0; t < 2 * chains; ++t)
      go_in(group, [&, t] {
        try {
          while (const auto token = places[t].receive())
            if (++links < most)
              places[t ^ 1].send(*token);
        } catch (const closed_channel &) {
        }
      });
    yield(); // they wait
    for (unsigned c = 0; c < chains; ++c)
      places[2 * c].send(0);
    yield();
    EXPECT_LT(links, most);
    for (const chan<int> &place : places)
      place.close();
    group.wait();
  });
}

// Computes, beside tasks that always wake others, and so never all wait; new tasks come all the time. False: it has hardly had a turn.
bool computes_beside_woken_tasks(bool (*compute)(const std::atomic<long> &links)) {
  std::atomic<long> links = 0;
  std::atomic<bool> stop = false;
  return run_on(1, [&] {
    const chan<int> c(0);
    wait_group senders, all;
    for (int i = 0; i < 4; ++i) {
      senders.add();
      all.add(2);
      go([&] {
        for (; !stop; ++links)
          c.send(1);
        senders.done();
      });
      go([&] {
        while (c.receive())
          ;
        all.done();
      });
      go([&] {
        while (!stop) {
          wait_group child;
          go_in(child, [] {});
          child.wait();
        }
        all.done();
      });
    }
    const bool done = compute(links);
    stop = true;
    senders.wait();
    c.close();
    all.wait();
    return done;
  });
}

bool compute_parts(const std::atomic<long> &links, volatile int &i) {
  constexpr long most = 60'000'000; // for a fifth of the time: some 4 million
  for (int part = 0; part < 200; ++part) {
    if (links > most)
      return false;
    for (i = 0; i < 1'000'000; i = i + 1)
      ;
  }
  return true;
}

TEST(chan_stop, who_computes_gets_on_beside_woken_tasks) {
  EXPECT_TRUE(computes_beside_woken_tasks([](const std::atomic<long> &links) {
    volatile int i;
    return compute_parts(links, i);
  }));
}

// The same in a task that is bound to its thread, since it has the address of that thread's errno.
TEST(chan_stop, who_computes_on_one_thread_gets_on_beside_woken_tasks) {
  EXPECT_TRUE(
      computes_beside_woken_tasks([](const std::atomic<long> &links) { return compute_parts(links, const_cast<volatile int &>(errno)); }));
}

// A thread that is no worker takes part as far as it need not wait.
STILLPOINT_ON_EACH(chan_stress, with_a_foreign_thread) {
  const chan<std::uint64_t> in(4), out(4);
  std::uint64_t sum = 0;
  std::thread other([&] {
    for (std::uint64_t n = 1; n <= 2000;) {
      n += in.try_send(n);
      sum += out.try_receive().value_or(0);
      std::this_thread::yield();
    }
    in.close();
    for (std::optional<std::uint64_t> v; !out.try_receive(v) || v; std::this_thread::yield())
      sum += v.value_or(0);
  });
  for (const std::uint64_t n : in)
    out.send(n);
  out.close();
  ASSERT_TRUE(eventually([&] { return out.size() == 0; }));
  other.join();
  EXPECT_EQ(sum, 2000u * 2001 / 2);
}

// Tasks that do nothing but buffered operations are stopped, too.
TEST(chan_stop, a_loop_around_a_buffered_channel_gives_way) {
  run_on(1, [] {
    std::atomic<bool> stop = false;
    go([&] {
      const chan<int> c(1);
      while (!stop.load(std::memory_order_relaxed)) {
        c.send(1);
        c.receive();
      }
    });
    for (int i = 0; i < 3; ++i)
      sleep_for(1ms);
    stop = true;
  });
}

} // namespace
} // namespace stillpoint::test
