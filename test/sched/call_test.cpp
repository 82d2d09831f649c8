// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Announced calls: results, errno and exceptions come through; a slow call keeps its processor from nobody; the world may be stopped
// meanwhile, and the references in the frames above the call are found. This program is managed: its tasks can be stopped anywhere.
#include "park_here.h"
#include "sched/world.h"
#include "support.h"

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <unistd.h>

namespace {

using namespace stillpoint;
using namespace stillpoint::test;
using namespace std::chrono_literals;

class call_test : public on_processors {};
STILLPOINT_ON_PROCESSORS(call_test);

void spin() {
  for (unsigned i = 0; i < 1000; ++i)
    asm volatile("" ::: "memory");
}

class pipe_ends {
public:
  pipe_ends() { EXPECT_EQ(pipe(ends_), 0); }
  ~pipe_ends() {
    ::close(ends_[0]);
    ::close(ends_[1]);
  }
  [[nodiscard]] int out() const { return ends_[0]; }
  void put() const { EXPECT_EQ(::write(ends_[1], "x", 1), 1); }

private:
  int ends_[2] = {-1, -1};
};

TEST_P(call_test, results_come_through) {
  run_on(GetParam(), [] {
    int variable = 0;
    EXPECT_EQ(stillpoint::syscall([] { return 42; }), 42);
    EXPECT_EQ(&foreign([&]() -> int & { return variable; }), &variable);
    EXPECT_EQ(*foreign([] { return std::make_unique<int>(7); }), 7);
    stillpoint::syscall([&] { variable = 1; });
    EXPECT_EQ(variable, 1);
    EXPECT_EQ(stillpoint::syscall([] { return stillpoint::syscall([] { return foreign([] { return 3; }); }); }), 3);
  });
  EXPECT_EQ(stillpoint::syscall([] { return 5; }), 5) << "outside of tasks";
}

TEST_P(call_test, errno_comes_through) {
  run_on(GetParam(), [] {
    go([] {
      for (;;)
        yield();
    });
    for (int i = 0; i < 200; ++i) {
      const bool slow = i % 10 == 0;
      errno = 0;
      EXPECT_EQ(stillpoint::syscall([slow] {
                  if (slow)
                    std::this_thread::sleep_for(300us);
                  return ::close(-1);
                }),
                -1);
      EXPECT_EQ(errno, EBADF);
      EXPECT_EQ(os::read(-1, nullptr, 0), -1);
      EXPECT_EQ(errno, EBADF);
    }
  });
}

TEST_P(call_test, exceptions_come_through) {
  run_on(GetParam(), [] {
    go([] {
      for (;;)
        yield();
    });
    for (const bool slow : {false, true, true}) {
      std::string seen;
      try {
        foreign([slow] {
          if (slow)
            std::this_thread::sleep_for(1ms);
          throw std::runtime_error("from below");
        });
      } catch (const std::runtime_error &e) {
        seen = e.what();
      }
      EXPECT_EQ(seen, "from below");
      EXPECT_EQ(std::uncaught_exceptions(), 0);
      yield();
    }
  });
}

template <class F>
std::string message_of(F &&f) {
  try {
    f();
  } catch (const std::logic_error &e) {
    return e.what();
  }
  return "no std::logic_error";
}

TEST_P(call_test, there_is_no_processor_inside) {
  run_on(GetParam(), [] {
    for (int i = 0; i < 2; ++i)
      static_cast<void>(gc::make<int>(1)); // this thread's cache is there
    const auto inside = [](auto f) { return stillpoint::syscall([&] { return message_of(f); }); };
    EXPECT_EQ(inside([] { yield(); }), "stillpoint: yield() called inside syscall() or foreign(): there is no processor");
    EXPECT_EQ(inside([] { go([] {}); }), "stillpoint: go() called inside syscall() or foreign(): there is no processor");
    EXPECT_EQ(inside([] { static_cast<void>(gc::make<int>(1)); }),
              "stillpoint: gc::make() called inside syscall() or foreign(): there is no processor");
    EXPECT_EQ(inside([] { gc::collect(); }), "stillpoint: gc::collect() called inside syscall() or foreign(): there is no processor");
    EXPECT_EQ(*gc::make<int>(4), 4);
    yield();
  });
}

TEST_P(call_test, others_run_meanwhile) {
  run_on(GetParam(), [] {
    constexpr int callers = 10; // more than processors
    std::array<pipe_ends, callers> pipes;
    wait_group ended;
    for (const pipe_ends &p : pipes) {
      ended.add();
      go([&p, &ended] {
        char c = 0;
        for (int i = 0; i < 3; ++i)
          EXPECT_EQ(os::read(p.out(), &c, 1), 1);
        ended.done();
      });
    }
    // All of them block; this task puts in a byte for each.
    for (int i = 0; i < 3; ++i) {
      sleep_for(2ms);
      for (const pipe_ends &p : pipes)
        p.put();
    }
    ended.wait();
  });
}

// Five endless foreign calls on one processor: all of them run, and so does main.
TEST(call, foreign_calls_exceed_the_processors) {
  run_on(1, [] {
    static std::atomic<int> inside;
    static std::atomic<bool> leave;
    inside = 0;
    leave = false;
    wait_group ended;
    for (int i = 0; i < 5; ++i) {
      ended.add();
      go([&] {
        foreign([] {
          ++inside;
          while (!leave)
            std::this_thread::yield();
        });
        ended.done();
      });
    }
    EXPECT_TRUE(eventually([] { return inside == 5; }));
    leave = true;
    ended.wait();
  });
}

TEST(call, fast_ones_hand_nothing_over) {
  run_on(1, [] {
    for (int i = 0; i < 100'000; ++i)
      stillpoint::syscall([] { return getppid(); });
    // Nobody else is there: whatever a loaded machine does, no processor is wanted.
    EXPECT_LE(rt::sched::active()->threads_started.load(), 2u);
  });
}

TEST_P(call_test, no_signal_interrupts_them) {
  const with_variable slice("STILLPOINT_SLICE", "100us");
  run_on(GetParam(), [] {
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
    for (int i = 0; i < 300; ++i) {
      const timespec short_while{0, 50'000 + i * 1'000};
      interrupted += os::nanosleep(&short_while, nullptr) != 0;
      for (int n = 0; n < i % 20; ++n)
        spin();
    }
    stop = true;
    ended.wait();
    EXPECT_EQ(interrupted, 0);
  });
}

struct wish {
  void (*while_stopped)(void *context, rt::processor &self) = nullptr;
  void *context = nullptr;
  bool reached = false;
};

bool commit_stop(rt::task &, void *argument) noexcept {
  auto &w = *static_cast<wish *>(argument);
  rt::processor &self = *rt::this_worker()->held;
  w.reached = rt::world::stop(self, 10'000'000'000);
  if (w.reached) {
    w.while_stopped(w.context, self);
    rt::world::start(self);
  }
  return false;
}

// Nobody waits for a task in a call; what it does behind it waits for the world.
TEST_P(call_test, nothing_managed_runs_in_a_stopped_world) {
  run_on(GetParam(), [] {
    constexpr int callers = 4;
    std::atomic<bool> stop = false;
    std::array<std::atomic<std::uint64_t>, callers> turns{};
    wait_group ended;
    for (int n = 0; n < callers; ++n) {
      ended.add();
      go([&, n] {
        while (!stop) {
          stillpoint::syscall([n] {
            if (n != 0)
              usleep(static_cast<unsigned>(n) * 30);
          });
          turns[n].store(turns[n].load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
        }
        ended.done();
      });
    }
    const auto sum = [&] {
      std::uint64_t all = 0;
      for (auto &t : turns)
        all += t.load(std::memory_order_relaxed);
      return all;
    };
    unsigned moved = 0, reached = 0;
    auto look = [&](rt::processor &) {
      const std::uint64_t before = sum();
      std::this_thread::sleep_for(300us);
      moved += sum() != before;
    };
    for (int i = 0; i < 100; ++i) {
      wish w;
      w.while_stopped = [](void *context, rt::processor &self) { (*static_cast<decltype(look) *>(context))(self); };
      w.context = &look;
      park_here(commit_stop, &w);
      reached += w.reached;
      yield();
    }
    const std::uint64_t before = sum();
    EXPECT_TRUE(eventually([&] { return sum() > before + 100; })) << "nothing runs any more";
    stop = true;
    ended.wait();
    EXPECT_EQ(reached, 100u);
    EXPECT_EQ(moved, 0u);
  });
}

struct node {
  long value;
  gc::ref<node> next;
};

[[gnu::noinline]] long sum_of(gc::ref<node> list) {
  long sum = 0;
  for (; list; list = list->next)
    sum += list->value;
  return sum;
}

// Collections while tasks are in calls, fast and slow: what only the frames above a call hold stays, poison would show.
void references_over_calls(unsigned processors) {
  run_on(processors, [] {
    constexpr int tasks = 6;
    std::atomic<int> wrong = 0;
    wait_group ended;
    for (int n = 0; n < tasks; ++n) {
      ended.add();
      go([&, n] {
        for (int round = 0; round < 40; ++round) {
          gc::ref<node> list;
          long expected = 0;
          for (int i = 0; i < 10; ++i) {
            list = gc::make<node>(node{i + n, list});
            expected += i + n;
            gc::ref<node> other = gc::make<node>(node{-1, list});
            const long below = stillpoint::syscall([&list, n, i] {
              if (n % 2 == 0 && i == 9)
                usleep(200);
              return list->value; // reading is allowed
            });
            wrong += below != i + n || other->next != list;
          }
          wrong += sum_of(list) != expected;
        }
        ended.done();
      });
    }
    ended.wait();
    EXPECT_EQ(wrong.load(), 0);
  });
}

TEST_P(call_test, references_stay_under_collections_at_every_allocation) {
  const with_variable debug("STILLPOINT_DEBUG", "gcstress=alloc");
  references_over_calls(GetParam());
}

TEST_P(call_test, references_stay_under_collections_at_every_preemption) {
  const with_variable debug("STILLPOINT_DEBUG", "gcstress=preempt");
  const with_variable slice("STILLPOINT_SLICE", "100us");
  references_over_calls(GetParam());
}

// run() does not wait for a blocking call; the task finds its run over.
TEST_P(call_test, a_blocked_call_is_left_behind) {
  static std::atomic<bool> back;
  for (int i = 0; i < 3; ++i) {
    static std::atomic<bool> inside;
    inside = back = false;
    const pipe_ends p;
    run_on(GetParam(), [&p] {
      const int file = p.out();
      go([file] {
        char c = 0;
        stillpoint::syscall([&] {
          inside = true;
          EXPECT_EQ(::read(file, &c, 1), 1);
          back = true;
        });
        ADD_FAILURE() << "a task went on after its run";
      });
      EXPECT_TRUE(eventually([] { return inside.load(); }));
    });
    EXPECT_FALSE(back);
    EXPECT_EQ(run_on(GetParam(),
                     [] { // a collection beside the one that was left behind
                       gc::collect();
                       return 1;
                     }),
              1);
    p.put();
    for (int n = 0; n < 30'000 && !back; ++n)
      std::this_thread::sleep_for(1ms);
    EXPECT_TRUE(back);
  }
}

} // namespace
