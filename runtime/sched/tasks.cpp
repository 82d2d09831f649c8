// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See tasks.h.
#include "sched/tasks.h"

#include "arch/arch.h"
#include "fatal.h"
#include "sched/direct.h"
#include "sched/task_name.h"
#include "stack/stack.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

namespace stillpoint::rt {
namespace {

struct pool {
  lock mutex;
  task *free STILLPOINT_GUARDED_BY(mutex) = nullptr;
  task *all STILLPOINT_GUARDED_BY(mutex) = nullptr; // abandoned ones too: what they hold is not lost to a leak checker
};
constinit pool tasks;

task &allocate_task() {
  {
    const lock_guard held(tasks.mutex);
    if (task *const t = tasks.free) {
      tasks.free = t->next;
      return *t;
    }
  }
  auto *const t = new task; // lives as long as the process
  const lock_guard held(tasks.mutex);
  t->next_all = tasks.all;
  tasks.all = t;
  return *t;
}

// Of each worker: what was used last is in its caches, and no lock is needed. What is too many is given back, half of it at a time.
constexpr unsigned most_spare = 32;

task *take_spare(std::size_t stack_size) noexcept {
  worker *const w = current_worker;
  if (!w)
    return nullptr;
  os_thread &here = thread_of(*w);
  task *const t = here.spare;
  if (!t)
    return nullptr;
  if (const std::size_t size = t->stack_high - t->stack_low; size < stack_size || size / 2 >= std::max(stack_size, stack::min_size))
    return nullptr;
  here.spare = t->next;
  --here.spare_count;
  return t;
}

// All but the `kept` latest.
void give_up_spares(os_thread &w, unsigned kept) noexcept {
  task **link = &w.spare;
  for (unsigned i = 0; i < kept; ++i)
    link = &(*link)->next;
  task *const first = std::exchange(*link, nullptr);
  if (!first)
    return;
  std::array<stack::slot *, most_spare> slots;
  unsigned count = 0;
  task *last = first;
  for (task *t = first; t; t = t->next) {
    slots[count++] = static_cast<stack::slot *>(std::exchange(t->allocation, nullptr));
    last = t;
  }
  w.spare_count = kept;
  stack::release({slots.data(), count});
  const lock_guard held(tasks.mutex);
  last->next = tasks.free;
  tasks.free = first;
}

bool keep_spare(task &t) noexcept {
  if (t.stack_high - t.stack_low > stack::default_size)
    return false;
  os_thread &here = thread_of(*current_worker);
  if (here.spare_count == most_spare)
    give_up_spares(here, most_spare / 2);
  t.next = here.spare;
  here.spare = &t;
  ++here.spare_count;
  return true;
}

void set_name(task &t, std::string_view name) noexcept {
  t.name[0] = '\0'; // task_name.h
  if (name.empty())
    return;
  const std::size_t size = std::min(name.size(), sizeof t.name - 1);
  std::memcpy(t.name, name.data(), size);
  t.name[size] = '\0';
}

// Only workers with a processor take one: who is alone is the only one.
std::uint64_t next_id(scheduler &owner) noexcept {
  std::atomic<std::uint64_t> &next = owner.next_task_id;
  if (worker *const w = current_worker; w && the_sole_locks.enter(w->locks)) {
    const std::uint64_t id = next.load(std::memory_order_relaxed);
    next.store(id + 1, std::memory_order_relaxed);
    the_sole_locks.leave(w->locks);
    return id;
  }
  return next.fetch_add(1, std::memory_order_relaxed);
}

// What a former life may have left behind. The atomics that others may still peek at keep their values.
void reset(task &t, scheduler &owner) noexcept {
  t.image = {};
  arch::read_float_words(t.image.mxcsr, t.image.x87_control,
                         t.image.x87_status); // a task begins with its creator's rounding, as a thread does
  t.caller = {};
  t.async_stopped = false;
  t.interrupted = 0;
  t.held_mutexes = 0;
  t.preempt_disabled = 0;
  t.pinned_to = nullptr;
  t.last_worker = nullptr;
  t.locked_to = nullptr;
  t.lock_depth = 0;
  t.call_depth.store(0, std::memory_order_relaxed);
  t.slow_site = 0;
  t.preempt_requested.store(false, std::memory_order_relaxed);
  t.next = nullptr;
  t.preemptions = 0;
  t.waiting_for = nullptr;
  t.created_by = 0;
  t.created_at = 0;
  t.owner = &owner;
  t.run = owner.run;
  t.slice_used = 0;
  t.woken = false;
  t.id = next_id(owner);
}

void task_finished() {
  os_thread &w = thread_of(*current_worker);
  sched::end_forked_main(*w.owner, *w.current);
  w.leaving.why = departure::reason::finished;
  if (w.current != w.owner->main_task && w.locked.load(std::memory_order_relaxed) == 0)
    sched::leave_lightly(w);
  else
    sched::leave(w);
  fatal("a finished task was run again");
}

// A task's first function. It leaves no frame: a task with one that is not managed at its base is never preempted.
void begin(void *argument) {
  auto &t = *static_cast<task *>(argument);
  os_thread &w = thread_of(*current_worker);
  sanitizer::task_begins(w.sanitizer_side);
  sched::settle_left(w);
  [[clang::musttail]] return t.entry(t.argument);
}

} // namespace

void wrong_state(const task &t, task_state seen, task_state expected, task_state wanted) noexcept {
  fatal(message() << "internal error: task \"" << task_name(t).view() << "\" is in state " << static_cast<std::uint64_t>(seen)
                  << " instead of " << static_cast<std::uint64_t>(expected) << " on its way to " << static_cast<std::uint64_t>(wanted));
}

namespace {

task &new_task(std::size_t stack_size) {
  stack::slot &s = stack::allocate(stack_size);
  task *t = nullptr;
  try {
    t = &allocate_task();
  } catch (...) {
    stack::release(s);
    throw;
  }
  t->allocation = &s;
  t->stack_low = s.low;
  t->stack_high = s.high;
  return *t;
}

void give_up(task &t) noexcept {
  stack::release(*static_cast<stack::slot *>(std::exchange(t.allocation, nullptr)));
  const lock_guard held(tasks.mutex);
  t.next = tasks.free;
  tasks.free = &t;
}

} // namespace

task &create_task(scheduler &owner, std::string_view name, std::size_t stack_size, void (*entry)(void *), void *argument,
                  std::size_t copied) {
  task *t = take_spare(stack_size);
  if (!t)
    t = &new_task(stack_size);
  reset(*t, owner);
  set_name(*t, name);
  t->entry = entry;
  t->argument = argument;
  sanitizer::task_created(*t);
  std::uintptr_t top = t->stack_high;
  if (copied != 0) {
    top = (top - copied) & ~std::uintptr_t{15};
    t->argument = std::memcpy(reinterpret_cast<void *>(top), argument, copied);
  }
  t->context = arch::make_context(top, begin, t, task_finished);
  t->state.store(task_state::parked, std::memory_order_release); // pairs with change_state
  return *t;
}

void recycle_task(task &t) noexcept {
  change_state(t, task_state::running, task_state::dead);
  preempt::release_return_trap(t); // it may have left a frame without a return
  sanitizer::task_recycled(t);
  if (!keep_spare(t))
    give_up(t);
}

void free_spares(os_thread &w) noexcept { give_up_spares(w, 0); }

task *all_tasks() noexcept {
  const lock_guard held(tasks.mutex);
  return tasks.all;
}

void lock_tasks_for_fork() noexcept STILLPOINT_UNCHECKED_LOCKING { tasks.mutex.acquire(); }
void unlock_tasks_after_fork() noexcept STILLPOINT_UNCHECKED_LOCKING { tasks.mutex.release(); }

} // namespace stillpoint::rt
