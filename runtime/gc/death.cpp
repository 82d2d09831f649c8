// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See death.h.
#include "gc/death.h"

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

void destroy(const dead_object &dead) {
  const type_record &type = *dead.cls->type;
  if (dead.cls->form == shape::object)
    return type.destroy(reinterpret_cast<void *>(dead.address));
  const std::uintptr_t first = dead.address + array_header;
  for (std::size_t i = *reinterpret_cast<const std::size_t *>(dead.address); i-- > 0;)
    type.destroy(reinterpret_cast<void *>(first + i * type.size));
}

// Ends when none waits: the next collection starts another.
void destroying_task(void *) {
  waiting_room &r = room();
  for (;;) {
    dead_object dead{};
    {
      const lock_guard held(r.mutex);
      if (r.objects.empty()) {
        r.run = 0;
        return;
      }
      dead = r.objects.front(); // stays: it is a root until it is destroyed
    }
    destroy(dead);
    r.done.fetch_add(1, std::memory_order_relaxed);
    const lock_guard held(r.mutex);
    r.objects.pop_front();
  }
}

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
        r.objects.push_back({address_of(s, word * 64 + static_cast<std::uint32_t>(std::countr_zero(dead))), &c});
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
      r.objects.pop_front(); // its run() ended inside of the destructor
    r.run = s.run;
  }
  try {
    sched::ready(create_task(s, "destructors", stack::default_size, destroying_task, nullptr));
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
