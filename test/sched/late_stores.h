// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The stores of one strand of a model, as x86 has them: the strand itself sees them at once, the others when they reach memory, one by one and in
// order, at any later time. A locked instruction and a barrier are drain().
#ifndef STILLPOINT_TEST_SCHED_LATE_STORES_H
#define STILLPOINT_TEST_SCHED_LATE_STORES_H

#include <deque>

namespace stillpoint::test {

template <class Word>
class late_stores {
public:
  [[nodiscard]] bool empty() const { return stores_.empty(); }
  [[nodiscard]] Word load(const Word &cell) const {
    for (auto s = stores_.rbegin(); s != stores_.rend(); ++s)
      if (s->cell == &cell)
        return s->value;
    return cell;
  }
  void put(Word &cell, Word value) { stores_.push_back({&cell, value}); }
  // The oldest reaches memory.
  void show() {
    *stores_.front().cell = stores_.front().value;
    stores_.pop_front();
  }
  void drain() {
    while (!empty())
      show();
  }

private:
  struct store {
    Word *cell;
    Word value;
  };
  std::deque<store> stores_;
};

} // namespace stillpoint::test

#endif
