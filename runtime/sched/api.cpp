// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The exported functions about tasks. Those that may park record where managed code called them, so they are called by managed code
// directly:
// the headers add no frame of the runtime between.
#include "fatal.h"
#include "sched/direct.h"
#include "sched/park.h"
#include "sched/task_name.h"
#include "sched/tasks.h"
#include "stack/stack.h"
#include "stillpoint/stillpoint.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>

namespace stillpoint {
namespace {

using rt::departure;
using rt::processor;
using rt::task;
using rt::worker;

// On the sleeping task's stack.
struct sleeper : rt::timer {
  sleeper(task &t, std::uint64_t deadline) noexcept : timer(wake_up), who(t) { when = deadline; }
  static void wake_up(timer &self, rt::task_list &wake) noexcept { wake.push_back(static_cast<sleeper &>(self).who); }
  task &who;
};

bool commit_sleep(task &t, void *argument) noexcept {
  auto &s = *static_cast<sleeper *>(argument);
  t.owner->sleepers.set(s, s.when);
  return true;
}

// A yield by the scheduler's loop, or not at all. `caller` by value: whose address nobody has stays in registers until here.
[[gnu::noinline]] void yield_to_loop(rt::os_thread &here, rt::managed_caller caller) noexcept {
  processor &p = *here.held;
  const std::uint64_t timer = p.owner->sleepers.earliest();
  // A task in a callback of foreign code can be stopped nowhere else: who wants the world to stop waits for this.
  const bool wanted = here.current->preempt_requested.load(std::memory_order_relaxed);
  if (!here.picked && !wanted && !rt::sched::others_could_run(p) && (timer == rt::never || timer > rt::monotonic_now()))
    return;
  here.current->caller = caller;
  here.leaving.why = departure::reason::yielded;
  rt::sched::leave(here);
}

[[gnu::always_inline]] inline void yield_from(worker &w, const rt::managed_caller &caller) noexcept {
  rt::os_thread &here = rt::thread_of(w);
  if (rt::sched::goes_directly(here)) [[likely]]
    if (task *const next = rt::sched::next_directly(here)) [[likely]] {
      rt::assign_words(w.current->caller, caller);
      here.leaving.why = departure::reason::yielded;
      return rt::sched::switch_directly(here, *w.current, *next);
    }
  yield_to_loop(here, caller);
}

std::size_t checked_stack_size(std::size_t size) {
  if (size == 0)
    return rt::stack::default_size;
  if (size > rt::stack::max_size)
    throw std::length_error("stillpoint: go(): a stack of " + std::to_string(size) + " bytes; the most is " +
                            std::to_string(rt::stack::max_size));
  return std::max(size, rt::stack::min_size);
}

const task *current_task() noexcept {
  const worker *const w = rt::this_worker();
  return w ? w->current : nullptr;
}

} // namespace

namespace detail {

void start_task(std::string_view name, std::size_t stack_size, void (*entry)(void *), void *argument, std::size_t copied) {
  worker *const here = rt::current_worker;
  worker &w = rt::sched::may_wait(here) ? *here : rt::sched::require_task("go()");
  processor &p = *w.held;
  task &t = rt::create_task(*p.owner, name, checked_stack_size(stack_size), entry, argument, copied);
  t.created_by = w.current->id;
  t.created_at = rt::arch::true_return(reinterpret_cast<std::uintptr_t>(__builtin_return_address(0)));
  rt::change_state(t, rt::task_state::parked, rt::task_state::runnable);
  rt::sched::push_local(p, t);
  if (!p.owner->shared_queues.load(std::memory_order_relaxed)) { // nobody is idle; the fence is the monitor's barrier
    rt::this_process::compiler_fence();
    return rt::sched::arm_for_queued(p);
  }
  std::atomic_thread_fence(std::memory_order_seq_cst); // pairs with the fences in monitor_loop and wait_for_work
  rt::sched::arm_for_queued(p);
  rt::sched::wake_one(*p.owner);
}

void sleep_until(std::uint64_t deadline) {
  worker &w = rt::sched::require_task("sleep_for()");
  const rt::managed_caller caller = STILLPOINT_MANAGED_CALLER();
  if (deadline <= rt::monotonic_now())
    return yield_from(w, caller);
  sleeper self(*w.current, deadline);
  rt::sched::park(w, caller, commit_sleep, &self, "sleep");
}

} // namespace detail

void yield() {
  const rt::managed_caller caller = STILLPOINT_MANAGED_CALLER();
  worker *w = rt::current_worker;
  if (!rt::sched::may_wait(w)) [[unlikely]]
    w = &rt::sched::require_task("yield()");
  yield_from(*w, caller);
}

unsigned processors() {
  const rt::sched::visit here;
  if (const rt::scheduler *const s = here.run())
    return s->count;
  return rt::read_settings().processors;
}

std::uint64_t this_task::id() noexcept {
  const task *const t = current_task();
  return t ? t->id : 0;
}

std::string_view this_task::name() noexcept {
  worker *const w = rt::this_worker();
  if (!w || !w->current)
    return {};
  rt::write_name(*w->current);
  return w->current->name;
}

} // namespace stillpoint
