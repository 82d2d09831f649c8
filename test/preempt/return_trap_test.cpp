// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Traps at returns from foreign code, by exhaustion.
//
// Mechanism: the trap flag. Where the task goes from managed to foreign code, RSP points at the return address: that is the place that find_return must
// name from each foreign instruction that follows, or refuse. In a second kind of run one foreign instruction is chosen, a real SIGURG is sent there, and
// the rest runs at full speed: the task must come to a stop when the foreign function returns, and compute what it computes undisturbed. TEST_SAMPLES=N tries N
// instructions of each kernel instead of some.
#include "runtime/config.h"
#include "runtime/map/registry.h"
#include "runtime/preempt/return_trap.h"
#include "test/preempt/fake/fake_scheduler.h"
#include "test/preempt/managed/foreign.h"

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <gtest/gtest.h>
#include <string>
#include <string_view>
#include <ucontext.h>

namespace {

[[maybe_unused]] const bool traps_are_on = [] {
  stillpoint::rt::settings set = stillpoint::rt::config();
  set.returntraps = true;
  stillpoint::rt::set_config(set);
  return true;
}();

using namespace stillpoint;
using namespace stillpoint::test;

constexpr greg_t trap_flag = 0x100;

struct {
  const fake_task *task = nullptr;
  std::uint64_t chosen = 0; // the foreign instruction that is disturbed; 0: none
  // The outermost return from foreign code.
  std::uintptr_t slot = 0;
  std::uintptr_t pc = 0;
  bool managed_before = false;
  // What was seen.
  std::uint64_t instructions = 0; // of foreign code below managed code
  std::uint64_t found = 0, wrong = 0;
  std::uintptr_t first_wrong = 0;
  std::uint64_t refused[static_cast<std::size_t>(return_refusal::count)] = {};
} seen;

bool is_managed(std::uintptr_t pc) {
  map::point p;
  const map::reader_scope reading(rt::this_worker());
  return map::lookup(pc, p) == map::status::ok;
}

void check(const ucontext_t &context) {
  rt::preempt::foreign_return at;
  const map::reader_scope reading(rt::this_worker());
  const return_refusal why = rt::preempt::find_return(seen.task->control, rt::preempt::interrupted_registers(context), at);
  ++seen.refused[static_cast<std::size_t>(why)];
  if (why != return_refusal::none)
    return;
  ++seen.found;
  if (at.slot == seen.slot && at.pc == seen.pc)
    return;
  ++seen.wrong;
  if (seen.first_wrong == 0)
    seen.first_wrong = static_cast<std::uintptr_t>(context.uc_mcontext.gregs[REG_RIP]);
}

void on_trap(int, siginfo_t *, void *raw) {
  ucontext_t &context = *static_cast<ucontext_t *>(raw);
  const auto pc = static_cast<std::uintptr_t>(context.uc_mcontext.gregs[REG_RIP]);
  const auto sp = static_cast<std::uintptr_t>(context.uc_mcontext.gregs[REG_RSP]);
  if (seen.task->finished) {
    context.uc_mcontext.gregs[REG_EFL] &= ~trap_flag;
    return;
  }
  const bool managed = is_managed(pc);
  if (managed && sp > seen.slot)
    seen.slot = 0; // it has returned, or an exception has come
  if (!managed && seen.slot == 0 && seen.managed_before && sp >= seen.task->control.stack_low && sp < seen.task->control.stack_high) {
    seen.slot = sp;
    seen.pc = *reinterpret_cast<const std::uintptr_t *>(sp);
  }
  seen.managed_before = managed;
  if (managed || seen.slot == 0 || seen.pc == rt::arch::task_base())
    return;
  ++seen.instructions;
  if (seen.chosen == 0)
    return check(context);
  if (seen.instructions != seen.chosen)
    return;
  context.uc_mcontext.gregs[REG_EFL] &= ~trap_flag;
  request_here(*rt::this_worker());
}

void install_trap_handler() {
  struct sigaction action = {};
  action.sa_sigaction = on_trap;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  sigemptyset(&action.sa_mask);
  sigaddset(&action.sa_mask, SIGURG);
  sigaction(SIGTRAP, &action, nullptr);
}

void set_trap_flag() { asm volatile("subq $128, %%rsp; pushfq; orq $0x100, (%%rsp); popfq; addq $128, %%rsp" ::: "memory", "cc"); }

// Runs the kernel as a task, stepped until the chosen instruction; the number of stops.
std::uint64_t run(const kernel &k, unsigned rounds, std::uint64_t chosen, std::uint64_t &result) {
  install_trap_handler();
  fake_worker here;
  kernel_job job{&k, 42, rounds};
  fake_task t(call_kernel, &job);
  seen = {};
  seen.task = &t;
  seen.chosen = chosen;
  set_trap_flag();
  std::uint64_t stops = 0;
  for (; here.resume(t); ++stops)
    clobber_everything();
  asm volatile("subq $128, %%rsp; pushfq; andq $-257, (%%rsp); popfq; addq $128, %%rsp" ::: "memory", "cc");
  result = job.result;
  return stops;
}

std::uint64_t undisturbed(const kernel &k, unsigned rounds) {
  kernel_job job{&k, 42, rounds};
  call_kernel(&job);
  return job.result;
}

// By exceptions or longjmp: while they are on their way no trap is laid.
bool leaves_frames(const kernel &k) {
  const std::string_view name = k.name;
  return name.starts_with("thrown") || name.starts_with("caught") || name.starts_with("jumped");
}

// How many of so many instructions are tried. Each sample steps to its place first: some twenty microseconds an instruction.
std::uint64_t samples(std::uint64_t instructions) {
  if (const char *const wanted = std::getenv("TEST_SAMPLES"))
    return std::max<std::uint64_t>(std::strtoull(wanted, nullptr, 10), 1);
  return std::clamp<std::uint64_t>(200'000 / (instructions + 1), 12, 150);
}

class return_trap : public testing::TestWithParam<kernel> {};

std::string name_of(const testing::TestParamInfo<kernel> &test) { return test.param.name; }

const auto all_kernels = kernels_foreign::all();
INSTANTIATE_TEST_SUITE_P(kernels, return_trap, testing::ValuesIn(all_kernels.begin(), all_kernels.end()), name_of);

TEST_P(return_trap, is_found_at_every_foreign_instruction_or_refused) {
  const kernel &k = GetParam();
  if (!k.supported())
    GTEST_SKIP() << "not on this processor";
  const std::uint64_t expected = undisturbed(k, 2); // binds what is bound lazily
  std::uint64_t result = 0;
  EXPECT_EQ(run(k, 2, 0, result), 0u);
  EXPECT_EQ(result, expected);
  EXPECT_EQ(seen.wrong, 0u) << "first at " << reinterpret_cast<const void *>(seen.first_wrong);
  EXPECT_GT(seen.instructions, 0u);
  std::string counts = std::to_string(seen.instructions) + " instructions, found at " + std::to_string(seen.found);
  for (std::size_t i = 1; i < std::size(seen.refused); ++i)
    if (seen.refused[i] != 0)
      counts += ", " + std::string(to_string(static_cast<return_refusal>(i))) + " " + std::to_string(seen.refused[i]);
  RecordProperty("counts", counts);
  if (std::string_view(k.name) == "looking_up")
    EXPECT_EQ(seen.found, 0u) << counts; // dlsym goes by who calls it
  else if (!leaves_frames(k))
    EXPECT_GT((seen.found + 20) * 10, seen.instructions * 9) << counts;
}

TEST_P(return_trap, stops_the_task_wherever_it_was_asked) {
  const kernel &k = GetParam();
  if (!k.supported())
    GTEST_SKIP() << "not on this processor";
  const unsigned rounds = leaves_frames(k) ? 1 : 3;
  const std::uint64_t expected = undisturbed(k, rounds);
  std::uint64_t result = 0;
  run(k, rounds, ~std::uint64_t{0}, result);
  EXPECT_EQ(result, expected);
  const std::uint64_t count = seen.instructions;
  const std::uint64_t stride = std::max<std::uint64_t>(count / samples(count), 1);
  const metrics before = read_metrics();
  std::uint64_t stops = 0;
  constexpr std::uint64_t beginning = 400, near = 13; // before an exception is on its way
  for (std::uint64_t chosen = 1; chosen <= count; chosen += chosen < beginning ? std::min(near, stride) : stride) {
    stops += run(k, rounds, chosen, result);
    ASSERT_EQ(result, expected) << "stopped in foreign instruction " << chosen << " of " << count;
  }
  const metrics after = read_metrics();
  RecordProperty("stops", static_cast<int>(stops));
  EXPECT_EQ(after.stops_at_return - before.stops_at_return, stops);
  if (std::string_view(k.name) != "looking_up" && !leaves_frames(k))
    EXPECT_GT(stops, 0u);
}

} // namespace
