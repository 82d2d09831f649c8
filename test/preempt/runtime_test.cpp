// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Preemption and what else programs do: locks, callbacks, signals, shared objects, fork and exec. With the real scheduler.
#include "runtime/map/registry.h"
#include "stillpoint/stillpoint.hpp"
#include "test/preempt/managed/storm.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cfenv>
#include <csetjmp>
#include <csignal>
#include <cstdlib>
#include <dlfcn.h>
#include <gtest/gtest.h>
#include <mutex>
#include <string>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

namespace {

using namespace stillpoint;
using namespace std::chrono_literals;
using test::deadline;
using test::storm;

constexpr auto long_time = 10s;

#if __has_feature(thread_sanitizer)
// For this program as a whole, the stress tests too.
struct no_signals : testing::Environment {
  void SetUp() override { GTEST_SKIP() << "ThreadSanitizer holds signals back until the program calls it: a loop is never stopped"; }
};
[[maybe_unused]] testing::Environment *const skipped = testing::AddGlobalTestEnvironment(new no_signals);
#endif

std::uint64_t refused(refusal why) { return read_metrics().refusals[static_cast<std::size_t>(why)]; }
std::uint64_t preemptions() { return read_metrics().preemptions; }

[[gnu::noinline]] std::uint64_t work(std::uint64_t seed, unsigned rounds) {
  std::uint64_t sum = seed;
  for (unsigned i = 0; i < rounds; ++i)
    sum = sum * 6364136223846793005 + (sum >> 33);
  return sum;
}

// Works until `condition` holds, at least once; whether it did before the limit.
template <class Condition>
bool work_until(Condition condition) {
  const deadline limit(long_time);
  std::uint64_t sum = 1;
  do
    sum = work(sum, 10'000);
  while (!condition() && !limit.passed());
  return condition() && sum != 0;
}

TEST(runtime, a_tight_loop_gives_way) {
  test::set_environment(1);
  std::atomic<bool> stop{false};
  stillpoint::run([&] {
    go([&] {
      while (!stop)
        ;
    });
    sleep_for(1ms);
    stop = true;
    yield();
  });
}

[[gnu::noinline]] std::uint64_t spin(const std::atomic<bool> &stop) {
  std::uint64_t rounds = 0;
  while (!stop)
    ++rounds;
  return rounds;
}

[[stillpoint::nosplit]] std::uint64_t spin_below_nosplit(const std::atomic<bool> &stop) { return spin(stop) + 1; }

[[gnu::noinline]] std::uint64_t spin_below_setjmp(const std::atomic<bool> &stop) {
  std::jmp_buf place;
  return setjmp(place) == 0 ? spin(stop) + 1 : 0;
}

TEST(runtime, what_an_unsafe_function_calls_gives_way) {
  test::set_environment(1);
  for (auto *const outer : {spin_below_nosplit, spin_below_setjmp}) {
    std::atomic<bool> stop{false};
    stillpoint::run([&] {
      go([&] { EXPECT_GT(outer(stop), 0u); });
      sleep_for(1ms);
      stop = true;
      yield();
    });
  }
}

TEST(runtime, a_task_that_holds_a_mutex_is_left_alone) {
  test::set_environment(1);
  std::mutex m;
  std::uint64_t shared = 0;
  const std::uint64_t before = refused(refusal::mutex_held);
  stillpoint::run([&] {
    const storm blowing;
    wait_group all;
    std::atomic<bool> held_often{true};
    for (int i = 0; i < 3; ++i) {
      all.add();
      go([&] {
        const bool seen = work_until([&] {
          const std::scoped_lock lock(m);
          shared = work(shared, 20'000);
          return refused(refusal::mutex_held) - before >= 20;
        });
        if (!seen)
          held_often = false;
        all.done();
      });
    }
    all.wait();
    EXPECT_TRUE(held_often);
  });
}

TEST(runtime, a_task_that_always_takes_the_mutex_again_gives_way) {
  test::set_environment(1);
  std::mutex m;
  std::atomic<bool> stop{false};
  stillpoint::run([&] {
    go([&] {
      while (!stop) {
        const std::scoped_lock lock(m);
        work(1, 100'000);
      }
    });
    for (int i = 0; i < 20; ++i)
      sleep_for(1ms);
    stop = true;
  });
}

TEST(runtime, callbacks_out_of_foreign_code_are_left_alone) {
  test::set_environment(1);
  const std::uint64_t before = refused(refusal::foreign_frame);
  stillpoint::run([&] {
    const storm blowing;
    std::vector<int> numbers(300);
    EXPECT_TRUE(work_until([&] {
      for (std::size_t i = 0; i < numbers.size(); ++i)
        numbers[i] = static_cast<int>((i * 7919) % 300);
      std::qsort(numbers.data(), numbers.size(), sizeof(int), [](const void *a, const void *b) {
        work(1, 200);
        return *static_cast<const int *>(a) - *static_cast<const int *>(b);
      });
      EXPECT_TRUE(std::is_sorted(numbers.begin(), numbers.end()));
      return refused(refusal::foreign_frame) - before >= 20;
    }));
  });
}

TEST(runtime, preempt_guard_keeps_others_out) {
  test::set_environment(1);
  std::uint64_t first = 0, second = 0; // equal outside of guards
  const std::uint64_t before = refused(refusal::disabled);
  stillpoint::run([&] {
    const storm blowing;
    wait_group all;
    std::atomic<std::uint64_t> torn{0};
    for (int i = 0; i < 3; ++i) {
      all.add();
      go([&] {
        work_until([&] {
          const preempt_guard guard;
          torn += first != second;
          first += work(3, 5000);
          second = first;
          return refused(refusal::disabled) - before >= 20;
        });
        all.done();
      });
    }
    all.wait();
    EXPECT_EQ(torn, 0u);
    EXPECT_GE(refused(refusal::disabled) - before, 20u);
  });
}

TEST(runtime, off_means_off) {
  test::set_environment(1, "100us", "asyncpreemptoff=1");
  const metrics before = read_metrics();
  stillpoint::run([&] {
    const storm blowing;
    wait_group all;
    all.add();
    go([&] {
      work(1, 3'000'000);
      all.done();
    });
    work(1, 3'000'000);
    all.wait();
  });
  test::set_environment(1);
  EXPECT_EQ(read_metrics().preemptions, before.preemptions);
  EXPECT_EQ(read_metrics().signals_sent, before.signals_sent);
}

TEST(runtime, rounding_modes_stay_with_their_tasks) {
  test::set_environment(2);
  constexpr int modes[] = {FE_TONEAREST, FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO};
  const std::uint64_t before = preemptions();
  stillpoint::run([&] {
    const storm blowing;
    wait_group all;
    std::atomic<int> wrong{0};
    for (const int mode : modes) {
      all.add();
      go([&, mode] {
        std::fesetround(mode);
        volatile double one = 1.0, ten = 10.0;
        volatile long double long_one = 1.0L;
        const double tenth = one / ten;
        const long double long_tenth = long_one / ten;
        work_until([&] {
          for (int i = 0; i < 1000; ++i)
            wrong += one / ten != tenth || long_one / ten != long_tenth;
          wrong += std::fegetround() != mode;
          return preemptions() - before > 500;
        });
        all.done();
      });
    }
    all.wait();
    EXPECT_EQ(wrong, 0);
  });
  EXPECT_EQ(std::fegetround(), FE_TONEAREST);
}

TEST(runtime, system_calls_are_not_interrupted) {
  test::set_environment(2);
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  stillpoint::run([&] {
    const storm blowing;
    std::thread writer([&] {
      std::this_thread::sleep_for(50ms);
      EXPECT_EQ(write(ends[1], "x", 1), 1);
    });
    char c = 0;
    EXPECT_EQ(read(ends[0], &c, 1), 1) << "errno " << errno;
    writer.join();
  });
  close(ends[0]);
  close(ends[1]);
}

std::atomic<std::uint64_t> user_signals{0};

TEST(runtime, the_programs_own_signal_handlers) {
  test::set_environment(1);
  struct sigaction action = {}, previous = {};
  action.sa_handler = [](int) { // on the task's stack, and managed
    work(1, 1000);
    ++user_signals;
  };
  sigaction(SIGUSR1, &action, &previous);
  const std::uint64_t stops = preemptions(), signals = user_signals;
  stillpoint::run([&] {
    const storm blowing;
    EXPECT_TRUE(work_until([&] {
      kill(getpid(), SIGUSR1);
      return user_signals - signals > 200 && preemptions() - stops > 200;
    }));
  });
  sigaction(SIGUSR1, &previous, nullptr);
}

using plugged_function = std::uint64_t (*)(std::uint64_t, unsigned);

TEST(runtime, shared_objects_come_and_go) {
  test::set_environment(2);
  const std::size_t modules = map::registered_modules();
  const std::uint64_t expected = [] {
    void *const library = dlopen(STILLPOINT_TEST_PLUGGED, RTLD_NOW);
    const auto sum = reinterpret_cast<plugged_function>(dlsym(library, "plugged_work"))(9, 50'000);
    dlclose(library);
    return sum;
  }();
  const std::uint64_t before = preemptions();
  stillpoint::run([&] {
    const storm blowing;
    wait_group all;
    std::atomic<bool> over{false};
    all.add();
    go([&] { // is stopped while tables come and go
      while (!over)
        work(1, 10'000);
      all.done();
    });
    EXPECT_TRUE(work_until([&] {
      void *const library = dlopen(STILLPOINT_TEST_PLUGGED, RTLD_NOW);
      if (library == nullptr)
        return false;
      EXPECT_EQ(map::registered_modules(), modules + 1);
      EXPECT_EQ(reinterpret_cast<plugged_function>(dlsym(library, "plugged_work"))(9, 50'000), expected);
      dlclose(library);
      EXPECT_EQ(map::registered_modules(), modules);
      return preemptions() - before > 500;
    }));
    over = true;
    all.wait();
  });
}

int exit_status(pid_t child) {
  int status = -1;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR)
    ;
  return status;
}

TEST(runtime, fork_and_exec) {
  test::set_environment(2);
  stillpoint::run([&] {
    const storm blowing;
    for (int i = 0; i < 10; ++i) {
      const std::uint64_t expected = work(5, 200'000);
      const pid_t worker = fork();
      if (worker == 0)
        _exit(work(5, 200'000) == expected ? 7 : 8);
      EXPECT_EQ(exit_status(worker), 7 << 8);
      const pid_t executed = fork();
      if (executed == 0) {
        execl("/bin/sh", "sh", "-c", "exit 5", static_cast<char *>(nullptr));
        _exit(9);
      }
      EXPECT_EQ(exit_status(executed), 5 << 8);
      work(1, 100'000);
    }
  });
}

std::string endless(std::uint64_t) { throw std::runtime_error("thrown after " + std::string("stops")); }

TEST(runtime, exceptions_pass_frames_that_were_stopped) {
  test::set_environment(2);
  const std::uint64_t before = preemptions();
  stillpoint::run([&] {
    const storm blowing;
    wait_group all;
    for (int i = 0; i < 3; ++i) {
      all.add();
      go([&] {
        EXPECT_TRUE(work_until([&] {
          try {
            endless(work(1, 5000));
          } catch (const std::runtime_error &e) {
            const std::exception_ptr caught = std::current_exception();
            work(1, 20'000);
            EXPECT_EQ(std::current_exception(), caught);
            EXPECT_STREQ(e.what(), "thrown after stops");
          }
          EXPECT_EQ(std::current_exception(), nullptr);
          return preemptions() - before > 500;
        }));
        all.done();
      });
    }
    all.wait();
  });
}

TEST(runtime, uncaught_exception_names_the_task) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_EXIT(stillpoint::run([] {
                go({.name = "bad egg"}, [] { throw std::runtime_error("broken"); });
                sleep_for(long_time);
              }),
              testing::KilledBySignal(SIGABRT),
              "stillpoint: task 'bad egg' \\(#[0-9]+\\) ended by an uncaught exception of type std::runtime_error: broken");
}

[[gnu::noinline]] int overflow(volatile char *previous) {
  volatile char here[512];
  here[0] = previous != nullptr ? previous[0] : '\0';
  if (here[0] == 1) // never
    return 0;
  const int below = overflow(here);
  return below + here[0];
}

TEST(runtime, stack_overflow_names_the_task) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_EXIT(stillpoint::run([] {
                go({.name = "deep thought", .stack_size = 64 << 10}, [] { overflow(nullptr); });
                sleep_for(long_time);
              }),
              testing::KilledBySignal(SIGABRT), "stillpoint: stack overflow in task 'deep thought' \\(#[0-9]+\\): 64 KiB stack");
}

} // namespace
