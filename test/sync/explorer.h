// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// All interleavings of a small model, one after the other: a run asks for each choice, and the next run takes another one at the last place where
// there is one left.
#ifndef STILLPOINT_TEST_SYNC_EXPLORER_H
#define STILLPOINT_TEST_SYNC_EXPLORER_H

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

namespace stillpoint::test {

// The choices of one run, and how to come to the next.
class explorer {
public:
  unsigned choose(unsigned count) {
    if (count < 2)
      return 0;
    if (at_ == path_.size())
      path_.push_back({0, count});
    if (path_[at_].count != count)
      std::abort(); // not the same run
    return path_[at_++].taken;
  }
  // False: all have been taken.
  bool next() {
    at_ = 0;
    while (!path_.empty() && ++path_.back().taken == path_.back().count)
      path_.pop_back();
    return !path_.empty();
  }

private:
  struct choice {
    unsigned taken, count;
  };
  std::vector<choice> path_;
  std::size_t at_ = 0;
};

struct exploration {
  std::string failure; // of the last run; empty: all were right
  std::uint64_t runs = 0;
};

// Until a run fails, or all have been made.
template <class Model, class Scenario>
exploration explore(const Scenario &s) {
  explorer e;
  exploration r;
  do {
    Model m(e, s);
    r.failure = m.run();
    ++r.runs;
  } while (r.failure.empty() && e.next());
  return r;
}

template <class Model, class Scenario>
void expect_right_in_all_runs(const Scenario &s) {
  const exploration r = explore<Model>(s);
  EXPECT_EQ(r.failure, "") << "in run " << r.runs;
  std::printf("%llu interleavings\n", static_cast<unsigned long long>(r.runs));
}

} // namespace stillpoint::test

#endif
