// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the scheduler's tests share: a run with a given number of processors, and waiting with a limit.
#ifndef STILLPOINT_TEST_SCHED_SUPPORT_H
#define STILLPOINT_TEST_SCHED_SUPPORT_H

#include <stillpoint/stillpoint.hpp>

#include <cstdlib>
#include <gtest/gtest.h>
#include <string>
#include <utility>

namespace stillpoint::test {

// Sets a variable for as long as it lives.
class with_variable {
public:
  with_variable(const char *name, const std::string &value) : name_(name) { setenv(name, value.c_str(), 1); }
  ~with_variable() { unsetenv(name_); }
  with_variable(const with_variable &) = delete;
  with_variable &operator=(const with_variable &) = delete;

private:
  const char *name_;
};

template <class F>
decltype(auto) run_on(unsigned processors, F &&f) {
  const with_variable procs("STILLPOINT_PROCS", std::to_string(processors));
  return run(std::forward<F>(f));
}

// Lets others run until `condition` holds; false after half a minute.
template <class F>
bool eventually(F condition) {
  const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > limit)
      return false;
    yield();
  }
  return true;
}

// A test with one, two and eight processors.
class on_processors : public testing::TestWithParam<unsigned> {};
#define STILLPOINT_ON_PROCESSORS(suite) INSTANTIATE_TEST_SUITE_P(procs, suite, testing::Values(1u, 2u, 8u))

} // namespace stillpoint::test

#endif
