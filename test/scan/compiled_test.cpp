// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Compiled code with references: while the world is stopped, the scan of a task's stack finds every object that some call of it still uses, however
// the task came to its stop and whatever lies in between.
#include "scan/scan.h"
#include "sched/world.h"
#include "stillpoint/stillpoint.hpp"
#include "test/sched/park_here.h"

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <gtest/gtest.h>
#include <set>
#include <string>
#include <string_view>

namespace {

using namespace stillpoint;

constexpr int most = 64;

struct node {
  gc::ref<node> next;
  long value = 0;
};

// The objects that the calls of the task under test hold, by depth; those of calls behind foreign frames from `inner` on.
constexpr int inner = 50;
std::uintptr_t held[most];
int held_from = 0;
std::atomic<bool> at_bottom{false}, leave{false};

using bottom = void (*)();

template <int N>
[[gnu::noinline]] long descend(gc::ref<node> above, int left, bottom at_the_end) {
  const gc::ref<node> mine = gc::make<node>();
  mine->next = above;
  mine->value = left + N;
  held[held_from + left] = reinterpret_cast<std::uintptr_t>(mine.get());
  long result = 0;
  if (left > 0)
    result = descend<(N + 1) % 4>(mine, left - 1, at_the_end);
  else
    at_the_end();
  return result + mine->value + (above ? above->value : 0);
}

[[gnu::noinline]] void yielding() {
  at_bottom = true;
  while (!leave)
    yield();
}

[[gnu::noinline]] void spinning() {
  at_bottom = true;
  while (!leave)
    ;
}

int compare(const void *, const void *) {
  static std::atomic<bool> first;
  if (!leave && !first.exchange(true)) {
    held_from = inner;
    descend<1>({}, 5, yielding);
  }
  first = false;
  return 0;
}
[[gnu::noinline]] void sorting() {
  int numbers[2] = {2, 1};
  qsort(numbers, 2, sizeof numbers[0], compare);
}

struct at_end {
  ~at_end() { yielding(); }
};
[[gnu::noinline]] void throwing() {
  try {
    const at_end guard;
    throw 1;
  } catch (int) {
    held_from = inner;
    descend<2>({}, 5, yielding);
  }
}

struct answer {
  std::set<std::uintptr_t> roots;
  bool found = false;
  rt::scan::frame_counts frames;
};

void look_at(void *context, rt::task &t) {
  auto &a = *static_cast<answer *>(context);
  if (std::string_view(t.name) != "subject")
    return;
  a.found = true;
  rt::scan::roots(t, [](void *into, std::uintptr_t *root) { static_cast<answer *>(into)->roots.insert(*root); }, &a, a.frames);
}

bool commit_look(rt::task &, void *context) noexcept {
  rt::processor &self = *rt::this_worker()->held;
  if (rt::world::stop(self, 5'000'000'000)) {
    rt::world::each_task(*self.owner, look_at, context);
    rt::world::start(self);
  }
  return false;
}

class compiled_test : public testing::TestWithParam<bottom> {};

TEST_P(compiled_test, every_object_in_use_is_found) {
  setenv("STILLPOINT_PROCS", "2", 1);
  setenv("STILLPOINT_SLICE", "200us", 1);
  run([] {
    at_bottom = leave = false;
    held_from = 0;
    wait_group done;
    done.add(1);
    go({.name = "subject"}, [&done] {
      descend<0>({}, 40, GetParam());
      done.done();
    });
    const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!at_bottom && std::chrono::steady_clock::now() < limit)
      yield();
    for (int i = 0; i < 50; ++i) {
      answer a;
      test::park_here(commit_look, &a);
      ASSERT_TRUE(a.found);
      EXPECT_GT(a.frames.managed, 40u);
      for (int depth = 0; depth <= 40; ++depth)
        ASSERT_TRUE(a.roots.contains(held[depth])) << "depth " << depth << ", look " << i;
      for (int depth = inner; held_from == inner && depth <= inner + 5; ++depth)
        ASSERT_TRUE(a.roots.contains(held[depth])) << "depth " << depth << ", look " << i;
      if (GetParam() == sorting) {
        EXPECT_GT(a.frames.foreign, 0u);
      }
      yield();
    }
    leave = true;
    done.wait();
  });
  unsetenv("STILLPOINT_PROCS");
  unsetenv("STILLPOINT_SLICE");
}

std::string name_of(const testing::TestParamInfo<bottom> &test) {
  const char *const names[] = {"a_yield", "any_instruction", "a_callback_of_qsort", "a_destructor_while_unwinding"};
  return names[test.index];
}
INSTANTIATE_TEST_SUITE_P(at, compiled_test, testing::Values(&yielding, &spinning, &sorting, &throwing), name_of);

} // namespace
