// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See death.h.
#include "gc/death.h"

#include "arch/arch.h"
#include "fatal.h"
#include "gc/mark.h"
#include "sched/park.h"
#include "sched/tasks.h"
#include "stack/stack.h"

#include <bit>
#include <deque>
#include <new>

namespace stillpoint::rt::gc {
namespace {

struct dead_object {
  std::uintptr_t address;
  const cell_class *cls;
  std::size_t left; // elements to be destroyed, the last one first; 1 for an object
};

struct waiting_room {
  lock mutex;
  std::deque<dead_object> objects STILLPOINT_GUARDED_BY(mutex); // the first one is being destroyed while `run` is not 0
  std::uint64_t run STILLPOINT_GUARDED_BY(mutex) = 0;           // of the run() that the task belongs to; 0: no task
  std::atomic<std::uint64_t> done{0};
};

waiting_room &room() noexcept {
  alignas(waiting_room) static char memory[sizeof(waiting_room)];
  static waiting_room *const r = new (memory) waiting_room;
  return *r;
}

void destructor_returned();

template <class Visit>
void each_span(shape form, Visit visit) noexcept {
  for (cell_class *c = all_classes(); c; c = c->next_all) {
    if (c->form != form)
      continue;
    const lock_guard held(c->mutex);
    for (span *const s : c->spans)
      visit(*c, *s);
  }
}

dead_object waiting(const cell_class &c, std::uintptr_t address) noexcept {
  return {address, &c, c.form == shape::counted_array ? *reinterpret_cast<const std::size_t *>(address) : 1};
}

// A call of a destructor.
struct call {
  void (*function)(void *) = nullptr; // null: none waits
  void *object = nullptr;
};

// The object stays in the list until its last call has returned: the list is a root.
call next_call(waiting_room &r) noexcept {
  const lock_guard held(r.mutex);
  while (!r.objects.empty() && r.objects.front().left == 0) {
    r.objects.pop_front();
    r.done.fetch_add(1, std::memory_order_relaxed);
  }
  if (r.objects.empty()) {
    r.run = 0;
    return {};
  }
  dead_object &dead = r.objects.front();
  const type_record &type = *dead.cls->type;
  const std::uintptr_t first = dead.address + first_element(*dead.cls);
  return {type.destroy, reinterpret_cast<void *>(first + --dead.left * type.size)};
}

// Only under a sanitizer, which wants to know of every change of stacks.
void destroy_in_a_loop(void *) {
  for (call c = next_call(room()); c.function; c = next_call(room()))
    c.function(c.object);
}

// A destructor is the first function on its task's stack, so it can be stopped and scanned like any task. When it returns, the base of the
// stack calls this one, which begins the stack anew with the next destructor, as the task's entry does with the first. Ends when none waits: the next collection starts another
// task.
[[gnu::noinline]] void begin_stack_anew() noexcept {
  // If the run() is over, another's task may be at it.
  const bool over = this_worker()->held->owner->stopping.load(std::memory_order_relaxed);
  const call c = over ? call{} : next_call(room());
  if (!c.function) {
    departure d;
    d.why = over ? departure::reason::abandoned : departure::reason::finished;
    sched::leave(*this_worker(), d);
  }
  void *nowhere = nullptr;
  arch::__stillpoint_switch_context(&nowhere,
                                    arch::make_context(this_worker()->current->stack_high, c.function, c.object, destructor_returned));
  fatal("a destructor's stack was left twice");
}

// The new stack's first words overwrite this function's frame, but reach no further down.
void destructor_returned() {
  [[maybe_unused]] volatile char room_for_first_words[256];
  room_for_first_words[0] = 0;
  begin_stack_anew();
  room_for_first_words[1] = 0; // no tail call
}

// The task's entry, like any other's: whatever task switched straight to it has been settled before.
void begin_destroying(void *) { destructor_returned(); }

} // namespace

void expect_destructor(std::uintptr_t object) noexcept {
  const place p = find(object);
  if (!p || p.address() != object)
    fatal("constructed() for something that is no object of the collected heap");
  p.in->finalized[p.word()].fetch_or(p.bit(), std::memory_order_relaxed);
}

void clear_weak_cells() noexcept {
  each_span(shape::weak_cell, [](cell_class &, span &s) {
    for (std::uint32_t cell = 0; cell < s.cells; ++cell) {
      const place p{&s, cell};
      if (!p.is_marked())
        continue;
      auto &target = *reinterpret_cast<std::uintptr_t *>(p.address());
      const place of = find(target);
      if (target != 0 && (!of || !of.is_marked()))
        __atomic_store_n(&target, 0, __ATOMIC_RELAXED);
    }
  });
}

void find_dead(cache &mine) noexcept {
  waiting_room &r = room();
  const lock_guard held(r.mutex);
  const auto look = [&](cell_class &c, span &s) STILLPOINT_UNCHECKED_LOCKING {
    if (!c.type->destroy)
      return;
    for (std::uint32_t word = 0; word < (std::uint32_t{s.cells} + 63) / 64; ++word) {
      std::uint64_t dead = s.finalized[word].load(std::memory_order_relaxed) & ~s.marked[word].load(std::memory_order_relaxed);
      s.finalized[word].fetch_and(~dead, std::memory_order_relaxed);
      for (; dead != 0; dead &= dead - 1)
        r.objects.push_back(waiting(c, address_of(s, word * 64 + static_cast<std::uint32_t>(std::countr_zero(dead)))));
    }
  };
  const std::size_t before = r.objects.size();
  each_span(shape::object, look);
  each_span(shape::counted_array, look);
  for (std::size_t i = before; i < r.objects.size(); ++i)
    mark(mine, r.objects[i].address);
}

void mark_dying(cache &mine) noexcept {
  waiting_room &r = room();
  const lock_guard held(r.mutex);
  for (const dead_object &dead : r.objects)
    mark(mine, dead.address);
}

void start_destroying(scheduler &s) noexcept {
  waiting_room &r = room();
  {
    const lock_guard held(r.mutex);
    if (r.objects.empty() || r.run == s.run)
      return;
    if (r.run != 0)
      r.objects.front().left = 0; // its run() ended inside of the destructor
    r.run = s.run;
  }
  try {
    sched::ready(create_task(s, "destructors", stack::default_size, sanitizer::active ? destroy_in_a_loop : begin_destroying, nullptr));
  } catch (const std::bad_alloc &) {
    const lock_guard held(r.mutex);
    r.run = 0; // after the next collection then
  }
}

std::uint64_t destroyed() noexcept { return room().done.load(std::memory_order_relaxed); }

std::size_t dying() noexcept {
  waiting_room &r = room();
  const lock_guard held(r.mutex);
  return r.objects.size();
}

} // namespace stillpoint::rt::gc
