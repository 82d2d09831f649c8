// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Where the callee-saved registers of a call into the runtime are: known values in all six, then a look at what was recorded. Fails if the
// compiler's order of pushes is another than arch::caller_places believes.
#include "arch/arch.h"
#include "preempt/deferred.h"
#include "sched/tasks.h"
#include "stillpoint/stillpoint.hpp"
#include "test/scan/support.h"

#include <cstdlib>
#include <cstring>
#include <gtest/gtest.h>
#include <string_view>

namespace {

using namespace stillpoint;
using namespace stillpoint::test;

constexpr std::uintptr_t values[6] = {0x111111, 0x222222, 0x333333, 0x444444, 0x555555, 0x666666};

void expect_values(const rt::managed_caller &caller) {
  const rt::arch::register_places places = rt::arch::caller_places(caller);
  for (unsigned r = 0; r < stillpoint::abi::saved_register_count; ++r) {
    const std::uintptr_t *const at = places.at[rt::arch::saved_register_number[r]];
    ASSERT_NE(at, nullptr);
    EXPECT_EQ(*at, values[r]) << "saved register " << r;
  }
  EXPECT_EQ(caller.bp, values[0]);
  EXPECT_EQ(places.pc, caller.pc);
}

// Its first jump is one to a function that saves all registers.
[[gnu::noinline]] void slow(void *saw) { *static_cast<bool *>(saw) = true, expect_values(STILLPOINT_CALLER_OF_THIS_FUNCTION()); }
[[gnu::noinline]] void fast(void *saw) {
  std::uintptr_t busy = 1;
  for (int i = 0; i < 100; ++i)
    asm volatile("" : "+r"(busy)::"rbx", "r12", "r14");
  if (busy != 0) [[clang::musttail]]
    return slow(saw);
}

TEST(caller, of_a_function_and_behind_a_tail_jump) {
  bool saw = false;
  scan_call_with_registers(slow, values, &saw);
  EXPECT_TRUE(saw);
  saw = false;
  scan_call_with_registers(fast, values, &saw);
  EXPECT_TRUE(saw);
}

const rt::task *task_named(std::string_view name) {
  for (const rt::task *t = rt::all_tasks(); t != nullptr; t = t->next_all)
    if (name == t->name && t->state.load() != rt::task_state::dead)
      return t;
  return nullptr;
}

// A task calls `f` with known registers, and another one looks when it has parked there.
void expect_registers_in(void (*f)(void *), void *argument) {
  setenv("STILLPOINT_PROCS", "1", 1);
  run([&] {
    bool back = false;
    go({.name = "parks"}, [&] {
      scan_call_with_registers(f, values, argument);
      back = true;
    });
    go({.name = "other"}, [] { // so that giving way is worth it
      for (int i = 0; i < 3; ++i)
        yield();
    });
    yield();
    const rt::task *const t = task_named("parks");
    ASSERT_NE(t, nullptr);
    expect_values(t->caller);
    if (argument != nullptr)
      static_cast<wait_group *>(argument)->done();
    while (!back)
      yield();
  });
  unsetenv("STILLPOINT_PROCS");
}

// The library's functions themselves, so that nothing stands between.
TEST(caller, of_yield_itself) { expect_registers_in(reinterpret_cast<void (*)(void *)>(&yield), nullptr); }
TEST(caller, of_wait) {
  wait_group group;
  group.add(1);
  void (wait_group::*const wait)() = &wait_group::wait;
  void (*address)(void *) = nullptr;
  std::memcpy(&address, &wait, sizeof address);
  expect_registers_in(address, &group);
}

} // namespace
