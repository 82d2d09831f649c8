// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the tests of runtime/sync share, beside the scheduler's: tasks that are waited for.
#ifndef STILLPOINT_TEST_SYNC_SUPPORT_H
#define STILLPOINT_TEST_SYNC_SUPPORT_H

#include "test/sched/support.h"

#include <chrono>

namespace stillpoint::test {

using namespace std::chrono_literals;

// Starts `count` tasks that call f(number), or f(), and waits for their ends when it is destroyed.
class tasks {
public:
  tasks() = default;
  ~tasks() { ended_.wait(); }
  tasks(const tasks &) = delete;
  tasks &operator=(const tasks &) = delete;

  template <class F>
  void start(F f) {
    ended_.add();
    go([this, f = std::move(f)]() mutable {
      f();
      ended_.done();
    });
  }
  template <class F>
  void start_many(int count, F f) {
    for (int i = 0; i < count; ++i)
      start([f, i]() mutable { f(i); });
  }
  void wait() { ended_.wait(); }

private:
  wait_group ended_;
};

// Long enough for the others to have come where they wait, which yields alone do not say. Tests stay right if it is not.
inline void let_others_run() {
  for (int i = 0; i < 20; ++i)
    yield();
  sleep_for(2ms);
}

} // namespace stillpoint::test

#endif
