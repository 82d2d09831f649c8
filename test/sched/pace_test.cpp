// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which processors the monitor leaves alone, when it asks once more, and how long a worker looks for a processor: over times and turns that this test
// makes up.
#include "sched/pace.h"
#include "sched/patience.h"
#include "sched/repetition.h"

#include <gtest/gtest.h>

namespace stillpoint::test {
namespace {

using rt::patience;
using rt::sched::pace;

constexpr std::uint64_t turn_ns = pace::rest_ns / pace::turns; // the slowest that is still brisk

class pace_test : public testing::Test {
protected:
  pace_test() : run_({.processors = 2}, 1) { EXPECT_FALSE(look(10 * pace::rest_ns)); }

  void take_turns(unsigned processor, std::uint64_t count, bool runs = true) {
    run_.processors[processor].turns += count;
    run_.processors[processor].running = runs ? &task_ : nullptr;
  }
  bool look(std::uint64_t later) { return pace_.brisk(run_, now_ += later); }

  rt::task task_;
  rt::scheduler run_;
  pace pace_;
  std::uint64_t now_ = 0;
};

TEST_F(pace_test, nobody_runs) { EXPECT_FALSE(look(1000)); }

TEST_F(pace_test, as_often_as_it_has_to_be) {
  take_turns(0, 20);
  EXPECT_TRUE(look(20 * turn_ns));
  take_turns(0, 20);
  EXPECT_FALSE(look(20 * turn_ns + 1));
}

TEST_F(pace_test, too_few_turns_say_nothing) {
  take_turns(0, pace::turns - 1);
  EXPECT_FALSE(look(1000));
}

TEST_F(pace_test, looks_that_follow_closely_count_together) {
  take_turns(0, pace::turns - 1);
  EXPECT_FALSE(look(1000));
  take_turns(0, 1);
  EXPECT_TRUE(look(1000));
  take_turns(0, pace::turns - 1); // and not twice
  EXPECT_FALSE(look(1000));
}

TEST_F(pace_test, one_that_is_between_two_tasks) {
  take_turns(0, pace::turns, false);
  EXPECT_TRUE(look(1000));
}

TEST_F(pace_test, all_have_to) {
  take_turns(0, pace::turns);
  take_turns(1, 1);
  EXPECT_FALSE(look(1000));
}

TEST_F(pace_test, what_was_long_ago_does_not_count) {
  take_turns(0, 1'000'000);
  EXPECT_FALSE(look(2 * pace::rest_ns + 1));
  EXPECT_FALSE(look(1000));
}

TEST_F(pace_test, not_in_calls_nor_blocked) {
  take_turns(0, pace::turns);
  run_.processors[0].call = 1;
  EXPECT_FALSE(look(1000));
  run_.processors[0].call = 2;
  run_.processors[0].away = true;
  EXPECT_FALSE(look(1000));
  run_.processors[0].away = false;
  EXPECT_TRUE(look(1000));
}

using rt::sched::repetition;

TEST(repetition_test, twice_as_long_each_time) {
  for (const bool silent : {false, true}) {
    const std::uint64_t last = silent ? repetition::last_silent_ns : repetition::last_ns;
    repetition r;
    for (std::uint64_t wait = repetition::first_ns; wait < last; wait *= 2)
      EXPECT_EQ(r.next(false, silent), wait);
    EXPECT_EQ(r.next(false, silent), last);
    EXPECT_EQ(r.next(false, silent), last);
  }
}

TEST(repetition_test, later_where_the_worker_obeyed_but_only_once) {
  repetition r;
  EXPECT_EQ(r.next(true, false), repetition::trusting_ns);
  EXPECT_EQ(r.next(true, false), 2 * repetition::first_ns);
  r.begin();
  EXPECT_EQ(r.next(true, false), repetition::trusting_ns);
  r.begin();
  EXPECT_EQ(r.next(false, false), repetition::first_ns);
}

TEST(patience_test, given_up_soon_where_it_is_in_vain) {
  patience p;
  EXPECT_EQ(p.ticks(), p.most());
  for (int i = 0; i < 4; ++i)
    p.in_vain();
  EXPECT_LE(p.ticks(), p.most() / 100);
  p.paid();
  EXPECT_EQ(p.ticks(), p.most());
}

// How many short sleeps it takes until it tries again; 0: it does not.
unsigned sleeps_until_it_tries(patience &p) {
  for (unsigned n = 1; n <= 2 * patience::last_try; ++n) {
    p.slept(p.short_sleep() - 1);
    if (p.ticks() == p.most())
      return n;
  }
  return 0;
}

TEST(patience_test, tries_again_after_short_sleeps) {
  patience p;
  p.in_vain();
  EXPECT_EQ(sleeps_until_it_tries(p), patience::first_try);
}

TEST(patience_test, and_more_rarely_if_that_was_in_vain) {
  patience p;
  p.in_vain();
  for (unsigned n = patience::first_try; n <= patience::last_try; n *= 2) {
    EXPECT_EQ(sleeps_until_it_tries(p), n);
    p.in_vain();
    p.in_vain(); // what was left of the try
  }
  EXPECT_EQ(sleeps_until_it_tries(p), patience::last_try);
  p.paid();
  p.in_vain();
  EXPECT_EQ(sleeps_until_it_tries(p), patience::first_try);
}

TEST(patience_test, a_long_sleep_begins_the_count_again) {
  patience p;
  p.in_vain();
  for (unsigned n = 1; n < patience::first_try; ++n)
    p.slept(p.short_sleep() - 1);
  p.slept(p.short_sleep());
  EXPECT_EQ(sleeps_until_it_tries(p), patience::first_try);
}

TEST(patience_test, looks_for_as_long_as_it_takes_to_wake_the_other) {
  patience p;
  EXPECT_EQ(p.most(), patience::most_at_first);
  for (int i = 0; i < 100; ++i)
    p.woke(10); // never less than at first
  EXPECT_EQ(p.most(), patience::most_at_first);
  constexpr std::uint64_t slow = 70'000;
  for (int i = 0; i < 100; ++i)
    p.woke(slow);
  EXPECT_GT(p.most(), 3 * slow / 2);
  p.paid();
  EXPECT_EQ(p.ticks(), p.most());
  for (int i = 0; i < 100; ++i)
    p.woke(100'000'000); // all CPUs were busy
  EXPECT_LE(p.most(), patience::most_ever);
  for (int i = 0; i < 100; ++i)
    p.woke(10);
  EXPECT_EQ(p.most(), patience::most_at_first);
}

} // namespace
} // namespace stillpoint::test
