// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// fork(): in a task, beside a run, and what the child is told if it tries to schedule.
#include "support.h"

#include <atomic>
#include <csignal>
#include <spawn.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace stillpoint::test {
namespace {

class fork_test : public on_processors {};
STILLPOINT_ON_PROCESSORS(fork_test);

int wait_for(pid_t child) {
  int status = -1;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR)
    ;
  return status;
}

// Others come and go meanwhile, so that the pools' locks are held now and then.
template <class F>
void among_others(unsigned processors, F &&f) {
  run_on(processors, [&] {
    std::atomic<bool> stop = false;
    wait_group others;
    for (int i = 0; i < 4; ++i) {
      others.add();
      go([&] {
        while (!stop) {
          wait_group one;
          one.add();
          go([&] { one.done(); });
          one.wait();
          yield();
        }
        others.done();
      });
    }
    for (int i = 0; i < 20; ++i) {
      f();
      yield();
    }
    stop = true;
    others.wait();
  });
}

TEST_P(fork_test, and_exit) {
  among_others(GetParam(), [] {
    const pid_t child = fork();
    if (child == 0)
      _exit(7);
    ASSERT_GT(child, 0);
    const int status = wait_for(child);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 7) << status;
  });
}

TEST_P(fork_test, and_exec) {
  among_others(GetParam(), [] {
    const pid_t child = fork();
    if (child == 0) {
      execl("/bin/sh", "sh", "-c", "exit 5", nullptr);
      _exit(1);
    }
    const int status = wait_for(child);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 5) << status;
  });
}

TEST_P(fork_test, and_posix_spawn) {
  among_others(GetParam(), [] {
    pid_t child = 0;
    const char *arguments[] = {"sh", "-c", "exit 4", nullptr};
    ASSERT_EQ(posix_spawn(&child, "/bin/sh", nullptr, nullptr, const_cast<char **>(arguments), environ), 0);
    const int status = wait_for(child);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 4) << status;
  });
}

TEST(fork_in_a_task, the_child_must_not_schedule) {
  int pipe_ends[2];
  ASSERT_EQ(pipe(pipe_ends), 0);
  const int status = run_on(2, [&] {
    const pid_t child = fork();
    if (child == 0) {
      alarm(20);
      dup2(pipe_ends[1], STDERR_FILENO);
      yield();
      _exit(0);
    }
    return wait_for(child);
  });
  char text[256] = {};
  ASSERT_GT(read(pipe_ends[0], text, sizeof text - 1), 0);
  EXPECT_STREQ(text, "stillpoint: yield() called in a child of fork(): only exec and _exit may follow a fork() in a task\n");
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT) << status;
}

// A thread that is no worker forks while a run is in progress: the child may have a run of its own.
TEST(fork_beside_a_run, the_child_may_run) {
#if __has_feature(thread_sanitizer)
  GTEST_SKIP() << "ThreadSanitizer allows no threads in a child";
#endif
  const int status = run_on(2, [] {
    std::atomic<int> result = -1;
    std::thread other([&] {
      const pid_t child = fork();
      if (child == 0) {
        alarm(20);
        _exit(run([] {
          wait_group group;
          group.add();
          go([&] { group.done(); });
          group.wait();
          return 9;
        }));
      }
      result = wait_for(child);
    });
    other.join();
    return result.load();
  });
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 9) << status;
}

TEST(fork_after_a_run, both_may_run) {
  EXPECT_EQ(run_on(2, [] { return 1; }), 1);
  const pid_t child = fork();
  if (child == 0) {
    alarm(20);
    _exit(run_on(2, [] { return 3; }));
  }
  const int status = wait_for(child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 3) << status;
  EXPECT_EQ(run_on(2, [] { return 2; }), 2);
}

} // namespace
} // namespace stillpoint::test
