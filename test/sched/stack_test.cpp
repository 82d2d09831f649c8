// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The stack pool: sizes, guards, reuse, and the limit on mappings.
#include "sched/core.h"
#include "stack/stack.h"

#include <cstring>
#include <fstream>
#include <gtest/gtest.h>
#include <set>
#include <string>
#include <vector>

namespace stillpoint::test {
namespace {

namespace stack = rt::stack;

std::size_t mappings() {
  std::ifstream maps("/proc/self/maps");
  std::size_t count = 0;
  for (std::string line; std::getline(maps, line);)
    ++count;
  return count;
}

TEST(stack_test, is_as_large_as_asked_for) {
  for (const std::size_t size : {stack::min_size, stack::min_size + 1, stack::default_size, stack::main_size, std::size_t{1} << 20}) {
    stack::slot &s = stack::allocate(size);
    EXPECT_GE(s.high - s.low, size);
    EXPECT_LT(s.high - s.low, 2 * size + 1);
    EXPECT_EQ(s.high % 4096, 0u);
    std::memset(reinterpret_cast<void *>(s.low), 1, size);
    stack::release(s);
  }
}

TEST(stack_test, is_used_again) {
  stack::slot &first = stack::allocate(stack::default_size);
  stack::release(first);
  stack::slot &second = stack::allocate(stack::default_size);
  EXPECT_EQ(&first, &second);
  stack::release(second);
}

TEST(stack_test, several_are_given_back_at_once) {
  stack::slot *const some[] = {&stack::allocate(stack::min_size), &stack::allocate(stack::default_size), &stack::allocate(stack::min_size)};
  stack::release(some);
  std::set<stack::slot *> again;
  for (const stack::slot *s : some)
    again.insert(&stack::allocate(s->high - s->low));
  EXPECT_EQ(again, (std::set<stack::slot *>(std::begin(some), std::end(some))));
  stack::release(std::vector(again.begin(), again.end()));
}

// What was written to a stack is still there when it is used again, unless its pages were given back in between.
bool keeps_its_pages(std::size_t size) {
  stack::slot &s = stack::allocate(size);
  auto *const word = reinterpret_cast<volatile int *>(s.high - 64);
  *word = 42;
  stack::release(s);
  while (stack::cool_some())
    ;
  stack::slot &again = stack::allocate(size);
  EXPECT_EQ(&again, &s);
  const bool kept = *word == 42;
  stack::release(again);
  return kept;
}

TEST(stack_test, pages_of_many_stacks_are_given_back_but_some_of_each_size_are_kept) {
  constexpr std::size_t enough = 20'000; // 312 MiB
  std::vector<stack::slot *> all;
  for (std::size_t i = 0; i < enough; ++i)
    all.push_back(&stack::allocate(stack::min_size));
  for (stack::slot *const s : all)
    stack::release(*s);
  EXPECT_TRUE(keeps_its_pages(stack::default_size));
  EXPECT_FALSE(keeps_its_pages(std::size_t{4} << 20)); // nobody else uses this size
}

TEST(stack_test, knows_its_guard) {
  stack::slot &s = stack::allocate(stack::default_size);
  rt::task t;
  t.stack_low = s.low;
  t.stack_high = s.high;
  EXPECT_TRUE(stack::in_guard(t, s.low - 1));
  EXPECT_TRUE(stack::in_guard(t, s.low - stack::guard_size));
  EXPECT_FALSE(stack::in_guard(t, s.low - stack::guard_size - 1));
  EXPECT_FALSE(stack::in_guard(t, s.low));
  EXPECT_FALSE(stack::in_guard(t, s.high));
  stack::release(s);
}

TEST(stack_death_test, has_a_guard) {
  stack::slot &s = stack::allocate(stack::default_size);
  auto *const low = reinterpret_cast<volatile char *>(s.low);
  low[0] = 1;
  EXPECT_DEATH(low[-1] = 1, "");
  EXPECT_DEATH(low[-static_cast<std::ptrdiff_t>(stack::guard_size)] = 1, "");
  stack::release(s);
}

TEST(stack_test, many_stacks_are_few_mappings) {
  if (!stack::has_light_guards())
    GTEST_SKIP() << "this kernel has no MADV_GUARD_INSTALL";
  const std::size_t before = mappings();
  std::vector<stack::slot *> stacks(20'000);
  for (stack::slot *&s : stacks)
    s = &stack::allocate(stack::default_size);
  EXPECT_LT(mappings(), before + 500);
  for (stack::slot *const s : stacks)
    stack::release(*s);
}

} // namespace
} // namespace stillpoint::test
