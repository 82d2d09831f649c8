// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// References as values: what is in a channel, or on its way through one, lives; what has left it may die. Run also with a collection at every
// allocation, and with one at every stop.
#include "chan_support.h"

#include "test/gc/api_support.h"

#include <array>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace stillpoint::test {
namespace {

class chan_ref_test : public on_processors {};
STILLPOINT_ON_PROCESSORS(chan_ref_test);

struct node {
  gc::ref<node> next;
  long number = 0;
  long echo = 0;
};

gc::ref<node> make_list(long number, int length = 3) {
  gc::ref<node> list;
  for (int i = 0; i < length; ++i) {
    const gc::ref<node> more = gc::make<node>();
    more->next = list;
    more->number = number;
    more->echo = ~number;
    list = more;
  }
  return list;
}

bool whole(gc::ref<node> list, long number, int length = 3) {
  for (; list; list = list->next, --length)
    if (list->number != number || list->echo != ~number)
      return false;
  return length == 0;
}

// Memory that is free is used again.
void litter() {
  for (int i = 0; i < 20; ++i)
    make_list(-1);
}

constexpr int rounds = 150;

STILLPOINT_ON_EACH(chan_ref_test, references_one_after_the_other) {
  for (const std::size_t capacity : {0, 1, 4}) {
    const chan<gc::ref<node>> c(capacity);
    go([=] {
      for (long i = 0; i < rounds; ++i) {
        c.send(make_list(i));
        litter();
      }
      c.close();
    });
    long n = 0;
    for (const gc::ref<node> &list : c) {
      litter();
      EXPECT_TRUE(whole(list, n++));
    }
    EXPECT_EQ(n, rounds);
  }
}

// Held by nothing but a waiting sender, the buffer, or a receiver that was served and has not run yet.
STILLPOINT_ON_EACH(chan_ref_test, collected_on_the_way) {
  for (const std::size_t capacity : {0, 2}) {
    const chan<gc::ref<node>> c(capacity), back(5);
    for (long i = 0; i < 5; ++i)
      go([=] { c.send(make_list(i)); });
    let_others_wait();
    gc::collect();
    litter();
    std::array<bool, 5> seen{};
    for (int i = 0; i < 5; ++i) {
      const gc::ref<node> list = *c.receive();
      gc::collect();
      litter();
      EXPECT_TRUE(whole(list, list->number));
      seen[static_cast<std::size_t>(list->number)] = true;
    }
    for (const bool each : seen)
      EXPECT_TRUE(each);

    for (int i = 0; i < 5; ++i)
      go([=] { back.send(*c.receive()); });
    let_others_wait();
    for (long i = 0; i < 5; ++i)
      c.send(make_list(i));
    gc::collect();
    litter();
    for (int i = 0; i < 5; ++i) {
      const gc::ref<node> list = *back.receive();
      EXPECT_TRUE(whole(list, list->number));
    }
  }
}

struct letter {
  std::string address;
  gc::ref<node> content;
  std::array<gc::ref<node>, 2> enclosed;
  std::optional<gc::ref<node>> more;
};

letter write(long i) { return {std::to_string(i), make_list(i), {make_list(i + 1), nullptr}, make_list(i + 2)}; }

bool read(const letter &l, long i) {
  return l.address == std::to_string(i) && whole(l.content, i) && whole(l.enclosed[0], i + 1) && !l.enclosed[1] && whole(*l.more, i + 2);
}

STILLPOINT_ON_EACH(chan_ref_test, references_in_values) {
  for (const std::size_t capacity : {0, 3}) {
    const chan<letter> c(capacity);
    go([=] {
      for (long i = 0; i < rounds; ++i) {
        letter l = write(i);
        if (i % 3 == 0 && c.try_send(std::move(l)))
          continue;
        litter();
        EXPECT_TRUE(read(l, i)); // not sent, not touched
        c.send(std::move(l));
      }
      c.close();
    });
    for (long i = 0;; ++i) {
      std::optional<letter> l;
      if (i % 2 == 0 || !c.try_receive(l))
        l = c.receive();
      if (!l) {
        EXPECT_EQ(i, rounds);
        break;
      }
      litter();
      EXPECT_TRUE(read(*l, i));
    }
  }
}

STILLPOINT_ON_EACH(chan_ref_test, closures_with_references) {
  const auto task_of = [](long i) { return [list = make_list(i), i] { return whole(list, i); }; };
  const chan<decltype(task_of(0))> work(2);
  go([=] {
    for (long i = 0; i < rounds; ++i)
      work.send(task_of(i));
    work.close();
  });
  int n = 0;
  for (const auto &f : work) {
    litter();
    EXPECT_TRUE(f());
    ++n;
  }
  EXPECT_EQ(n, rounds);
}

STILLPOINT_ON_EACH(chan_ref_test, select_with_references) {
  const chan<gc::ref<node>> a(0), b(1);
  const chan<letter> letters(0);
  const chan<int> quit(0);
  go([=] {
    for (long i = 0; i < rounds; ++i) {
      select(on_send(a, make_list(i)), on_send(b, make_list(i)), on_send(letters, write(i)));
      litter();
      EXPECT_EQ(select(on_send(chan<letter>(0), write(i)), on_timeout(1us)), 1u);
    }
    quit.close();
  });
  bool open = true;
  int n = 0;
  const auto take = [&](std::optional<gc::ref<node>> list) {
    ++n;
    litter();
    EXPECT_TRUE(whole(*list, (*list)->number));
  };
  const auto open_letter = [&](std::optional<letter> l) {
    ++n;
    litter();
    EXPECT_TRUE(read(*l, l->content->number));
  };
  while (open)
    select(on_receive(a, take), on_receive(b, take), on_receive(letters, open_letter), on_receive(quit, [&] { open = false; }));
  while (const auto left = b.try_receive())
    take(left);
  EXPECT_EQ(n, rounds);
}

STILLPOINT_ON_EACH(chan_ref_test, cases_in_an_array) {
  const chan<gc::ref<node>> c(0);
  const chan<letter> d(0);
  go([=] {
    for (long i = 0; i < rounds; ++i) {
      gc::ref<node> list = make_list(i);
      letter l = write(i);
      std::array cases{select_entry::send(c, list), select_entry::send(d, l)};
      select(cases);
      litter();
    }
    c.close();
  });
  std::optional<gc::ref<node>> list;
  std::optional<letter> l;
  std::array cases{select_entry::receive(c, list), select_entry::receive(d, l)};
  for (int n = 0;; ++n) {
    const std::size_t which = select(cases);
    litter();
    if (which == 1) {
      EXPECT_TRUE(read(*l, l->content->number));
    } else if (list) {
      EXPECT_TRUE(whole(*list, (*list)->number));
    } else {
      EXPECT_EQ(n, rounds);
      break;
    }
  }
}

// What has left the buffer is not kept by it, nor by what it went through.
[[gnu::noinline]] gc::weak<node> through(const chan<gc::ref<node>> &c) {
  gc::ref<node> list = make_list(1);
  const gc::weak<node> seen(list);
  c.send(list);
  return seen;
}
[[gnu::noinline]] void drop(const chan<gc::ref<node>> &c) { EXPECT_TRUE(whole(*c.receive(), 1)); }
[[gnu::noinline]] void clobber_stack() {
  volatile char room[8192];
  for (std::size_t i = 0; i < sizeof room; ++i)
    room[i] = 0;
}

STILLPOINT_ON_EACH(chan_ref_test, what_left_the_buffer_may_die) {
  chan<gc::ref<node>> c(3);
  const gc::weak<node> first = through(c);
  gc::collect();
  EXPECT_TRUE(first.lock());
  drop(c);
  clobber_stack();
  EXPECT_TRUE(collected_until([&] { return !first.lock(); }));
  const gc::weak<node> second = through(c);
  c = {};
  EXPECT_TRUE(collected_until([&] { return !second.lock(); })); // with the channel
}

// A channel in a collected object ends with it.
STILLPOINT_ON_EACH(chan_ref_test, a_channel_in_a_collected_object) {
  struct mailbox {
    chan<gc::ref<node>> box{2};
  };
  const gc::ref<mailbox> m = gc::make<mailbox>();
  m->box.send(make_list(4));
  gc::collect();
  litter();
  EXPECT_TRUE(whole(*m->box.receive(), 4));
}

} // namespace
} // namespace stillpoint::test
