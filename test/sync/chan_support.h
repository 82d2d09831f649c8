// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the tests of channels share. Cases that come from Go's tests say which; they were written anew for this interface.
#ifndef STILLPOINT_TEST_SYNC_CHAN_SUPPORT_H
#define STILLPOINT_TEST_SYNC_CHAN_SUPPORT_H

#include "test/sched/support.h"

#include <chrono>
#include <functional>

namespace stillpoint::test {

using namespace std::chrono_literals;

// Runs `body` as the main task on the case's number of processors.
#define STILLPOINT_ON_EACH(suite, name)                                                                                                    \
  static void suite##_##name##_body();                                                                                                     \
  TEST_P(suite, name) { run_on(GetParam(), suite##_##name##_body); }                                                                       \
  static void suite##_##name##_body()

// go(), counted in `group`.
template <class F>
void go_in(wait_group &group, F &&f) {
  group.add();
  go([&group, f = std::forward<F>(f)]() mutable {
    f();
    group.done();
  });
}

// Lets others run, so that those that can wait somewhere do.
inline void let_others_wait() {
  for (int i = 0; i < 20; ++i)
    yield();
  sleep_for(1ms);
}

} // namespace stillpoint::test

#endif
