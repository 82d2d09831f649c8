// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the tests of the public interface share. Everything that touches references runs in a task; a task's stack keeps what its frames still
// use, so what is to die is made and dropped in a function of its own.
#ifndef STILLPOINT_TEST_GC_API_SUPPORT_H
#define STILLPOINT_TEST_GC_API_SUPPORT_H

#include <stillpoint/stillpoint.hpp>

#include <chrono>
#include <gtest/gtest.h>

namespace stillpoint::test {

namespace gc = stillpoint::gc;

// Collects until `condition` holds; false after half a minute. Destructors run on a task of their own, some time after a collection.
template <class F>
bool collected_until(F condition) {
  const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > limit)
      return false;
    gc::collect();
    yield();
  }
  return true;
}

// A test whose body is the main task's.
#define STILLPOINT_TASK_TEST(suite, name)                                                                                                  \
  static void suite##_##name##_body();                                                                                                     \
  TEST(suite, name) { stillpoint::run(suite##_##name##_body); }                                                                            \
  static void suite##_##name##_body()

} // namespace stillpoint::test

#endif
