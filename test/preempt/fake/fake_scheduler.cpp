// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See fake_scheduler.h. Workers are never freed, as the contract in runtime/sched/core.h says.
#include "test/preempt/fake/fake_scheduler.h"

#include "runtime/arch/arch.h"
#include "runtime/fatal.h"
#include "runtime/stack/stack.h"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <sys/mman.h>

namespace stillpoint::rt {
namespace {

thread_local worker *worker_of_thread = nullptr;
thread_local test::fake_worker *fake_of_thread = nullptr;
std::atomic<worker *> every_worker{nullptr};

} // namespace

worker *this_worker() noexcept { return worker_of_thread; }
worker *all_workers() noexcept { return every_worker.load(); }

namespace stack {
bool in_guard(const task &t, std::uintptr_t address) noexcept {
  return address < t.stack_low && address >= t.stack_low - test::fake_guard_size;
}
} // namespace stack

namespace sched {
namespace {

// What the ABI promises to every function: the direction flag clear, the x87 stack empty.
void expect_clean_entry() {
  std::uint64_t flags = 0;
  asm volatile("pushfq; popq %0" : "=r"(flags));
  std::uint16_t environment[14] = {};
  asm volatile("fnstenv %0; fldenv %0" : "+m"(environment));
  constexpr std::uint64_t direction_flag = 0x400;
  constexpr std::size_t tags = 4;
  if ((flags & direction_flag) != 0 || environment[tags] != 0xffff)
    fatal("async_preempt called the runtime with the direction flag set or with x87 in use");
}

} // namespace

// Always switches, as if somebody else were waiting.
void reschedule_preempted(bool pinned) noexcept {
  expect_clean_entry();
  fake_of_thread->last_stop_was_pinned = pinned;
  worker &w = *worker_of_thread;
  task &t = *w.current;
  ++t.preemptions;
  arch::__stillpoint_switch_context(&t.context, w.scheduler_context);
}

void interrupted(worker &) noexcept {}

} // namespace sched
} // namespace stillpoint::rt

namespace stillpoint::test {
namespace {

void finish() {
  rt::worker &w = *rt::this_worker();
  static_cast<fake_task *>(w.current->allocation)->finished = true;
  rt::arch::__stillpoint_switch_context(&w.current->context, w.scheduler_context);
  std::abort();
}

rt::worker &new_worker() {
  auto *const w = new rt::worker;
  w->next_all = rt::every_worker.load();
  while (!rt::every_worker.compare_exchange_weak(w->next_all, w)) {
  }
  return *w;
}

} // namespace

fake_task::fake_task(void (*entry)(void *), void *argument, std::size_t stack_size) : size_(stack_size + fake_guard_size) {
  mapping_ = static_cast<char *>(mmap(nullptr, size_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  char *const low = mapping_ + fake_guard_size;
  if (mapping_ == MAP_FAILED || mprotect(low, stack_size, PROT_READ | PROT_WRITE) != 0)
    std::abort();
  control.stack_low = reinterpret_cast<std::uintptr_t>(low);
  control.stack_high = control.stack_low + stack_size;
  control.allocation = this;
  control.id = 7;
  std::strcpy(control.name, "fake");
  control.context = rt::arch::make_context(control.stack_high, entry, argument, finish);
}

fake_task::~fake_task() {
  rt::preempt::release_return_trap(control);
  munmap(mapping_, size_);
}

fake_worker::fake_worker() : control(new_worker()) {
  rt::preempt::initialize();
  rt::worker_of_thread = &control;
  rt::fake_of_thread = this;
  rt::preempt::attach_worker(control);
}

fake_worker::~fake_worker() {
  rt::preempt::detach_worker(control);
  rt::worker_of_thread = nullptr;
  rt::fake_of_thread = nullptr;
}

bool fake_worker::resume(fake_task &t) {
  t.control.last_worker = &control;
  control.current = &t.control;
  rt::preempt::enter_task(*rt::this_worker(), t.control);
  rt::arch::__stillpoint_switch_context(&control.scheduler_context, t.control.context);
  control.current = nullptr;
  rt::preempt::leave_task(*rt::this_worker(), t.control);
  return !t.finished;
}

std::uint64_t fake_worker::run_to_end(fake_task &t, const std::function<void()> &between) {
  std::uint64_t stops = 0;
  for (; resume(t); ++stops)
    between();
  return stops;
}

void request_here(rt::worker &w) {
  if (w.current == nullptr || !rt::preempt::request(w, *w.current))
    std::abort();
}

void clobber_everything() {
  rt::arch::overwrite_scratch();
  const std::uint16_t control = 0x0f7f;
  asm volatile("fldcw %0" ::"m"(control));
  const std::uint32_t mxcsr = 0x7fbf;
  asm volatile("ldmxcsr %0" ::"m"(mxcsr));
  errno = 12345;
}

} // namespace stillpoint::test
