// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A task stopped before every one of its instructions: each time the scan finds the objects that its stack refers to, all of them and no others.
#include "runtime/arch/arch.h"
#include "runtime/map/registry.h"
#include "runtime/preempt/deferred.h"
#include "runtime/scan/foreign.h"
#include "test/preempt/fake/fake_scheduler.h"
#include "test/preempt/fake/stepper.h"
#include "test/scan/support.h"

#include <algorithm>
#include <cstdlib>
#include <gtest/gtest.h>
#include <set>

namespace {

using namespace stillpoint;
using namespace stillpoint::test;

job new_job() {
  job j{};
  for (std::uintptr_t i = 0; i < std::size(j.objects); ++i)
    j.objects[i] = 0x7100000 + 0x1000 * i;
  return j;
}

// Where a voluntary park would be: records the caller and gives way.
void park(void *) {
  rt::worker &w = *rt::this_worker();
  w.current->caller = STILLPOINT_CALLER_OF_THIS_FUNCTION();
  rt::arch::__stillpoint_switch_context(&w.current->context, w.scheduler_context);
}

struct found {
  job j = new_job();
  std::set<std::uintptr_t> pcs;
  unsigned unknown = 0, wrong = 0, parked = 0;
  std::uintptr_t first_wrong_pc = 0;
  std::uint32_t first_wrong = 0, first_truth = 0;

  void compare(const rt::task &t) {
    const std::uintptr_t pc = t.interrupted != 0 ? rt::arch::interrupted_places(t.interrupted).pc : t.caller.pc - 1;
    parked += t.interrupted == 0;
    const auto truth = truth_at(pc);
    const std::uint32_t seen = scanned(t, j);
    pcs.insert(pc);
    if (!truth) {
      ++unknown;
    } else if (seen != *truth && wrong++ == 0) {
      first_wrong_pc = pc;
      first_wrong = seen;
      first_truth = *truth;
    }
  }
};
found *now = nullptr;

void check(const found &f) {
  EXPECT_EQ(f.wrong, 0u) << std::hex << "first at scan_outer + 0x" << f.first_wrong_pc - reinterpret_cast<std::uintptr_t>(scan_outer)
                         << ": the scan found 0x" << f.first_wrong << ", the truth is 0x" << f.first_truth;
  EXPECT_EQ(f.unknown, 0u) << "stopped where the test does not know the truth";
}

class scan_test : public testing::Test {
protected:
  void SetUp() override { now = &f; }
  void TearDown() override { now = nullptr; }
  scan_tables tables;
  found f;
};

TEST_F(scan_test, every_instruction) {
  for (const bool migrate : {false, true}) {
    f.j.park = [](void *) {}; // a foreign leaf
    run_stepped(scan_outer, &f.j, migrate, [](const rt::task &t) { now->compare(t); });
  }
  check(f);
  EXPECT_GT(f.pcs.size(), 60u);
}

TEST_F(scan_test, a_parked_task) {
  f.j.park = park;
  fake_worker here;
  fake_task t(scan_outer, &f.j);
  while (here.resume(t))
    f.compare(t.control);
  check(f);
  EXPECT_EQ(f.parked, 1u);
}

int compare_elements(const void *a, const void *) {
  scan_called_back(const_cast<void *>(a));
  return 0;
}

// The first element is the job, behind it a copy.
void sort_job(void *j) {
  static job elements[3];
  std::fill(std::begin(elements), std::end(elements), *static_cast<job *>(j));
  qsort(elements, std::size(elements), sizeof(job), compare_elements);
}

TEST_F(scan_test, under_foreign_frames) {
  f.j.park = park;
  f.j.foreign = sort_job;
  rt::scan::prepare_foreign();
  fake_worker here;
  fake_task t(scan_call_foreign, &f.j);
  unsigned parks = 0;
  for (; here.resume(t); ++parks) // RBX, R12 and others of the outer frame are saved by who knows whom
    EXPECT_EQ(scanned(t.control, f.j), 0x3fu);
  EXPECT_GE(parks, 2u);
}

TEST_F(scan_test, a_task_that_has_not_begun_has_no_roots) {
  fake_task t(scan_outer, &f.j);
  EXPECT_EQ(scanned(t.control, f.j), 0u);
}

TEST_F(scan_test, a_module_that_comes_and_goes_empties_the_cache) {
  f.j.park = park;
  fake_worker here;
  for (int i = 0; i < 3; ++i) {
    fake_task t(scan_outer, &f.j);
    while (here.resume(t))
      f.compare(t.control);
    tables.~scan_tables();
    EXPECT_EQ(map::registered_modules(), 0u);
    new (&tables) scan_tables;
  }
  check(f);
}

TEST_F(scan_test, a_stack_that_nobody_can_walk_ends_the_program) {
  f.j.park = park;
  fake_worker here;
  fake_task t(scan_outer, &f.j);
  ASSERT_TRUE(here.resume(t));
  rt::task broken_task;
  broken_task.stack_low = t.control.stack_low;
  broken_task.stack_high = t.control.stack_high;
  broken_task.last_worker = t.control.last_worker;
  broken_task.id = 12;
  std::copy_n("lost", 5, broken_task.name);
  EXPECT_DEATH(scanned(broken_task, f.j), "task 'lost' \\(#12\\) at pc 0x0: it left managed code at an unknown place");
  broken_task.caller = t.control.caller;
  broken_task.caller.saved = 0;
  EXPECT_DEATH(scanned(broken_task, f.j), "the value of a register");
  broken_task.caller = t.control.caller;
  broken_task.caller.sp = t.control.stack_high + 8;
  EXPECT_DEATH(scanned(broken_task, f.j), "does not lie in the stack");
  while (here.resume(t))
    ;
}

} // namespace
