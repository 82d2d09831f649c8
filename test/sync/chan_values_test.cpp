// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What goes through channels: values that are moved only, of all sizes, without content, channels; and the handles of channels.
#include "chan_support.h"

#include <array>
#include <atomic>
#include <memory>
#include <ranges>
#include <string>
#include <utility>

namespace stillpoint::test {
namespace {

class chan_values_test : public on_processors {};
STILLPOINT_ON_PROCESSORS(chan_values_test);

struct counted {
  static inline std::atomic<int> alive = 0;
  explicit counted(int n) : number(n) { ++alive; }
  counted(counted &&other) noexcept : number(std::exchange(other.number, -1)) { ++alive; }
  counted &operator=(counted &&) = delete;
  ~counted() { --alive; }
  int number;
};

STILLPOINT_ON_EACH(chan_values_test, moved_only_and_not_default_constructible) {
  {
    const chan<counted> direct(0), buffered(2), left(5);
    go([=] {
      for (int i = 0; i < 100; ++i)
        direct.send(counted(i));
      direct.close();
    });
    int expected = 0;
    for (const counted &v : direct)
      EXPECT_EQ(v.number, expected++);
    EXPECT_EQ(expected, 100);
    wait_group group;
    go_in(group, [=] {
      for (int i = 0; i < 100; ++i)
        buffered.send(counted(i));
      buffered.close();
    });
    for (int i = 0; i < 100; ++i)
      EXPECT_EQ(buffered.receive()->number, i);
    EXPECT_FALSE(buffered.receive());
    counted kept(1);
    for (int i = 0; i < 5; ++i)
      EXPECT_TRUE(left.try_send(counted(i)));
    EXPECT_FALSE(left.try_send(std::move(kept)));
    EXPECT_EQ(kept.number, 1); // not sent, not moved from
    left.receive();
    left.receive();
    left.send(counted(6)); // across the ring's end
    group.wait();
  }
  EXPECT_TRUE(eventually([] { return counted::alive == 0; })); // the sending task lets go of its handle when it ends
}

template <class T>
void round_trip(const T &value) {
  for (const std::size_t capacity : {0, 3}) {
    const chan<T> c(capacity);
    go([=] {
      for (int i = 0; i < 10; ++i)
        c.send(value);
    });
    for (int i = 0; i < 10; ++i)
      EXPECT_EQ(c.receive(), value);
  }
}

STILLPOINT_ON_EACH(chan_values_test, values_of_all_sizes) {
  round_trip('a');
  round_trip<short>(-2);
  round_trip(true);
  round_trip(1.5L);
  round_trip(std::array<char, 3>{1, 2, 3});
  round_trip(std::array<char, 9>{1, 2, 3, 4, 5, 6, 7, 8, 9});
  round_trip(std::array<char, 16>{1, 2, 3});
  round_trip(std::array<char, 17>{1});
  round_trip(std::array<long, 500>{1, 2, 3});
  round_trip(std::string(100, 'x'));
  round_trip(std::make_shared<int>(3));
  struct alignas(64) wide {
    int value;
    bool operator==(const wide &) const = default;
  };
  round_trip(wide{7});
}

// A channel over channels: a server's calls carry the place for the answer.
STILLPOINT_ON_EACH(chan_values_test, channels_through_channels) {
  struct call {
    int argument;
    chan_sender<int> answer;
  };
  const chan<call> calls(0);
  go([=] {
    for (const call &c : calls)
      c.answer.send(c.argument * 2);
  });
  wait_group group;
  for (int i = 0; i < 50; ++i)
    go_in(group, [=] {
      const chan<int> answer(0);
      calls.send({i, answer});
      EXPECT_EQ(answer.receive(), 2 * i);
    });
  group.wait();
  calls.close();
}

STILLPOINT_ON_EACH(chan_values_test, handles) {
  const chan<int> a(1);
  const chan<int> b = a; // NOLINT: a second handle is what is tested
  EXPECT_EQ(a, b);
  EXPECT_NE(a, chan<int>(1));
  EXPECT_TRUE(a);
  EXPECT_FALSE(chan<int>());
  chan<int> moved = std::move(const_cast<chan<int> &>(b)); // NOLINT
  EXPECT_EQ(moved, a);
  moved = chan<int>();
  EXPECT_FALSE(moved);
  const chan_sender<int> in = a;
  const chan_receiver<int> out = a;
  in.send(1);
  EXPECT_EQ(out.receive(), 1);
  EXPECT_EQ(in, chan_sender<int>(a));
  static_assert(std::is_same_v<chan<int>::sender, chan_sender<int>>);
  static_assert(!std::is_convertible_v<chan_sender<int>, chan<int>>);
  static_assert(std::is_nothrow_move_constructible_v<chan<int>> && sizeof(chan<int>) == sizeof(void *));
  static_assert(std::ranges::input_range<chan<int>>);
  static_assert(sendable<chan<int>> && sendable<std::unique_ptr<int>> && !sendable<const int>);
}

// The one who received the last value may let go of the channel while its sender is still on the way out.
STILLPOINT_ON_EACH(chan_values_test, a_channel_ends_as_soon_as_it_is_not_needed) {
  wait_group group;
  for (int i = 0; i < 3000; ++i) {
    chan<int> c(i % 2);
    group.add();
    go([&group, in = c.core(), i] {
      detail::words<int> w(i); // without a handle of its own
      detail::send(in, &w);
      group.done();
    });
    EXPECT_EQ(c.receive(), i);
  }
  group.wait();
}

} // namespace
} // namespace stillpoint::test
