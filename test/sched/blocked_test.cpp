// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Tasks that block in the kernel without saying so: others run meanwhile, nobody interrupts their calls, and when they are back there are no more
// tasks running than processors. This program is managed: its tasks can be stopped anywhere.
#include "park_here.h"
#include "sched/processors.h"
#include "sched/tasks.h"
#include "sched/world.h"
#include "support.h"

#include <array>
#include <atomic>
#include <cerrno>
#include <poll.h>
#include <thread>
#include <unistd.h>

namespace {

using namespace stillpoint;
using namespace stillpoint::test;
using namespace std::chrono_literals;

class blocked_test : public on_processors {};
STILLPOINT_ON_PROCESSORS(blocked_test);

class pipe_ends {
public:
  pipe_ends() { EXPECT_EQ(pipe(ends_), 0); }
  ~pipe_ends() {
    ::close(ends_[0]);
    ::close(ends_[1]);
  }
  // Blocks, and has not announced it.
  [[nodiscard]] bool take() const {
    char c = 0;
    return ::read(ends_[0], &c, 1) == 1;
  }
  [[nodiscard]] bool comes(std::chrono::milliseconds limit) const {
    pollfd wanted{ends_[0], POLLIN, 0};
    return ::poll(&wanted, 1, static_cast<int>(limit.count())) == 1;
  }
  void put() const { EXPECT_EQ(::write(ends_[1], "x", 1), 1); }

private:
  int ends_[2] = {-1, -1};
};

void spin() {
  for (unsigned i = 0; i < 1000; ++i)
    asm volatile("" ::: "memory");
}

void compute_for(std::chrono::milliseconds time) {
  const auto end = std::chrono::steady_clock::now() + time;
  while (std::chrono::steady_clock::now() < end)
    spin();
}

std::uint64_t lendings() { return rt::sched::active()->lendings.load(); }

// Nobody is there but the one who blocks and the one it waits for, which does not come to the runtime before.
void one_computes_and_then_wakes_the_other() {
  run_on(1, [] {
    const pipe_ends p;
    wait_group ended;
    for (int round = 0; round < 3; ++round) {
      ended.add();
      go([&] {
        compute_for(20ms);
        p.put();
        ended.done();
      });
      EXPECT_TRUE(p.take());
    }
    ended.wait();
    EXPECT_GE(lendings(), 1u);
  });
}

TEST(blocked, one_computes_and_then_wakes_the_other) { one_computes_and_then_wakes_the_other(); }

bool keep_for_later(rt::task &t, void *into) noexcept {
  static_cast<std::atomic<rt::task *> *>(into)->store(&t);
  return true;
}

// As settle_left() does with a task that has yielded.
[[stillpoint::nosplit]] void queue_without_a_word(rt::task &t) {
  rt::change_state(t, rt::task_state::parked, rt::task_state::runnable);
  rt::sched::push_local(*rt::this_worker()->held, t);
}

// Somebody whose processor is idle has looked just when a task that yields was in no queue.
TEST(blocked, what_was_queued_without_a_word_is_found_by_who_is_idle) {
  run_on(2, [] {
    pipe_ends p;
    std::atomic<rt::task *> waiter = nullptr;
    wait_group ended;
    ended.add();
    go([&] {
      park_here(keep_for_later, &waiter);
      p.put();
      ended.done();
    });
    const rt::scheduler &s = *rt::sched::active();
    while (!waiter || s.idle_count.load() != 1 || s.spinning.load() != 0)
      std::this_thread::sleep_for(1ms);
    queue_without_a_word(*waiter);
    EXPECT_TRUE(p.comes(20s));
    ended.wait();
  });
}

TEST(blocked, without_signals) {
  const with_variable debug("STILLPOINT_DEBUG", "asyncpreemptoff=1");
  one_computes_and_then_wakes_the_other();
}

// More than there are processors to lend: those that are waited for have been started first.
TEST_P(blocked_test, many_at_once) {
  run_on(GetParam(), [] {
    constexpr int tasks = 20;
    std::array<pipe_ends, tasks> pipes;
    std::atomic<int> begun = 0;
    wait_group ended;
    for (const pipe_ends &p : pipes) {
      ended.add();
      go([&] {
        ++begun;
        EXPECT_TRUE(p.take());
        ended.done();
      });
    }
    while (begun < tasks)
      spin();
    for (const pipe_ends &p : pipes)
      p.put();
    ended.wait();
  });
}

TEST(blocked, more_than_are_lent) {
  run_on(1, [] {
    constexpr int tasks = 50;
    std::array<pipe_ends, tasks> pipes;
    std::thread feeder([&] {
      std::this_thread::sleep_for(300ms);
      for (const pipe_ends &p : pipes)
        p.put();
    });
    wait_group ended;
    for (const pipe_ends &p : pipes) {
      ended.add();
      go([&] {
        EXPECT_TRUE(p.take());
        ended.done();
      });
    }
    ended.wait();
    feeder.join();
    EXPECT_LE(lendings(), std::uint64_t{tasks} + 10);
  });
}

// Each task in turn blocks, computes, and is waited for by the others.
TEST_P(blocked_test, coming_and_going) {
  const with_variable slice("STILLPOINT_SLICE", "1ms");
  run_on(GetParam(), [] {
    constexpr int tasks = 6;
    std::array<pipe_ends, tasks> pipes;
    std::array<int, tasks> turns{};
    wait_group ended;
    for (int n = 0; n < tasks; ++n) {
      ended.add();
      go([&, n] {
        for (int i = 0; i < 20; ++i) {
          EXPECT_TRUE(pipes[n].take());
          ++turns[n];
          if (i % 4 == n % 4)
            compute_for(2ms);
          if (i % 3 == 0)
            yield();
          pipes[(n + 1) % tasks].put();
        }
        ended.done();
      });
    }
    pipes[0].put();
    pipes[3].put();
    ended.wait();
    for (const int t : turns)
      EXPECT_EQ(t, 20);
  });
}

// When the blocked ones are back they share the processors that there are, and what was lent is given back.
TEST_P(blocked_test, what_was_lent_is_given_back) {
  run_on(GetParam(), [] {
    constexpr int tasks = 10;
    std::array<pipe_ends, tasks> pipes;
    std::atomic<bool> stop = false;
    std::atomic<int> begun = 0;
    wait_group ended;
    for (const pipe_ends &p : pipes) {
      ended.add();
      go([&] {
        ++begun;
        EXPECT_TRUE(p.take());
        while (!stop)
          spin();
        ended.done();
      });
    }
    while (begun < tasks)
      spin();
    for (const pipe_ends &p : pipes)
      p.put();
    const rt::scheduler &s = *rt::sched::active();
    EXPECT_TRUE(eventually([&] { return s.lent == 0 && s.surplus == 0; }));
    unsigned running = 0;
    for (unsigned i = 0; i < s.slots; ++i)
      running += s.processors[i].running.load() != nullptr;
    EXPECT_LE(running, s.count);
    stop = true;
    ended.wait();
  });
}

TEST(blocked, no_signal_interrupts_it) {
  const with_variable slice("STILLPOINT_SLICE", "200us");
  run_on(1, [] {
    std::atomic<bool> stop = false;
    wait_group ended;
    for (int i = 0; i < 3; ++i) {
      ended.add();
      go([&] {
        while (!stop)
          spin();
        ended.done();
      });
    }
    int interrupted = 0;
    for (int i = 0; i < 50; ++i) {
      timespec left{}; // a sleep that a signal interrupts is not begun again
      const timespec some{0, 3'000'000};
      interrupted += nanosleep(&some, &left) != 0;
    }
    stop = true;
    ended.wait();
    // The monitor looks before it sends; the thread may block in between.
    EXPECT_LE(interrupted, 10);
  });
}

// The same by a yield: who is queued by the task that it gave way to is run elsewhere when that one blocks.
TEST(blocked, who_yields_to_a_task_that_blocks_is_run_by_who_is_idle) {
  run_on(2, [] {
    pipe_ends p;
    std::atomic<rt::task *> waiter = nullptr;
    wait_group ended;
    ended.add();
    go([&] {
      park_here(keep_for_later, &waiter);
      EXPECT_TRUE(p.comes(20s));
      ended.done();
    });
    const rt::scheduler &s = *rt::sched::active();
    while (!waiter || s.idle_count.load() != 1 || s.spinning.load() != 0)
      std::this_thread::sleep_for(1ms);
    queue_without_a_word(*waiter);
    yield();
    p.put();
    ended.wait();
  });
}

struct wish {
  std::uint64_t patience;
  bool reached = false;
};

bool commit_stop(rt::task &, void *argument) noexcept {
  auto &w = *static_cast<wish *>(argument);
  rt::processor &self = *rt::this_worker()->held;
  w.reached = rt::world::stop(self, w.patience);
  if (w.reached)
    rt::world::start(self);
  return false;
}

// The stop of the world waits for who may come back at any time, as long as it has patience.
TEST_P(blocked_test, the_world_waits_for_it) {
  run_on(GetParam(), [] {
    const pipe_ends p;
    std::atomic<bool> begun = false;
    wait_group ended;
    ended.add();
    go([&] {
      begun = true;
      EXPECT_TRUE(p.take());
      ended.done();
    });
    while (!begun)
      yield();
    for (int i = 0; i < 3; ++i) {
      compute_for(5ms);
      wish impatient{5'000'000};
      park_here(commit_stop, &impatient);
      EXPECT_FALSE(impatient.reached);
    }
    std::thread feeder([&] {
      std::this_thread::sleep_for(20ms);
      p.put();
    });
    wish patient{20'000'000'000};
    park_here(commit_stop, &patient);
    EXPECT_TRUE(patient.reached);
    ended.wait();
    feeder.join();
    gc::collect();
  });
}

// Sleepers and woken tasks do not wait for the end of its slice, nor for itself.
TEST(blocked, timers_go_on) {
  run_on(1, [] {
    const pipe_ends p;
    go([&] {
      for (int i = 0; i < 20; ++i)
        sleep_for(1ms);
      p.put();
    });
    EXPECT_TRUE(p.take());
    yield();
  });
}

TEST(blocked, the_kernel_says_so) {
  const pipe_ends p;
  std::atomic<int> id = 0;
  std::thread other([&] {
    id = gettid();
    EXPECT_TRUE(p.take());
  });
  const auto soon = [](auto condition) { // as eventually(), outside of tasks
    for (int i = 0; i < 30'000 && !condition(); ++i)
      std::this_thread::sleep_for(1ms);
    return condition();
  };
  EXPECT_TRUE(soon([&] { return id != 0 && rt::sched::blocked_in_kernel(id); }));
  EXPECT_FALSE(rt::sched::blocked_in_kernel(gettid()));
  const std::uint64_t before = rt::sched::cpu_time(gettid());
  compute_for(5ms);
  EXPECT_GT(rt::sched::cpu_time(gettid()), before);
  p.put();
  other.join();
  EXPECT_TRUE(soon([&] { return !rt::sched::blocked_in_kernel(id); })) << "it has ended";
}

} // namespace
