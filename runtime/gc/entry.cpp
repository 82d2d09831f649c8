// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The exported functions of <stillpoint/gc/entry.hpp> and <stillpoint/gc/collector.hpp>.
//
// An allocation is a few loads and an addition when the thread's cache has a run of free cells of the type. Otherwise it jumps to its slow
// half, which is then the function that managed code called: it records the caller's registers, so it may park for a collection.
// Invariant: a cell that has been taken is returned at once; nothing in between may park, because nothing lists it yet.
#include "stillpoint/gc/entry.hpp"

#include "fatal.h"
#include "gc/cycle.h"
#include "gc/death.h"
#include "gc/heap.h"
#include "gc/mark.h"
#include "gc/pages.h"
#include "gc/roots.h"
#include "preempt/deferred.h"
#include "sched/call.h"
#include "sched/park.h"
#include "stillpoint/gc/collector.hpp"

#include <charconv>
#include <cstring>
#include <new>

namespace stillpoint {
namespace rt::gc {
namespace {

using stillpoint::gc::detail::raw_ref;

constexpr int attempts = 3;

raw_ref reference(const void *object) noexcept { return reinterpret_cast<raw_ref>(reinterpret_cast<std::uintptr_t>(object)); }
std::uintptr_t word_of(raw_ref r) noexcept { return reinterpret_cast<std::uintptr_t>(r); }

// std::bad_alloc that says why.
class heap_is_full : public std::bad_alloc {
public:
  explicit heap_is_full(std::uint64_t limit) noexcept {
    if (limit == 0)
      return;
    append("stillpoint: the collected heap has reached STILLPOINT_MEMORY_LIMIT (");
    end_ = std::to_chars(end_, text_ + sizeof text_ - 1, limit).ptr;
    append(" bytes)");
  }
  [[nodiscard]] const char *what() const noexcept override {
    return end_ == text_ ? "stillpoint: the system has no memory left for the collected heap" : text_;
  }

private:
  void append(std::string_view part) noexcept {
    std::memcpy(end_, part.data(), part.size());
    end_ += part.size();
  }
  char text_[128] = {};
  char *end_ = text_;
};

void collect_whole(const managed_caller &caller, const char *call) {
  for (const std::uint64_t needed = collections_needed(); !collected(needed);)
    sched::park(sched::require_task(call), caller, commit_part, nullptr, "collection");
}

// The system may take long to find memory: not while anybody waits for this task.
void touch_ahead(const managed_caller &caller, const char *call) {
  if (stretch next = claim_ahead(); next.bytes != 0) [[unlikely]]
    sched::announced(sched::require_task(call), caller, false, [](void *s) { touch(*static_cast<stretch *>(s)); }, &next);
}

// What the collection wants of a task that allocates. The task may be on another worker afterwards.
void work_for_the_collection(const managed_caller &caller, const char *call) {
  touch_ahead(caller, call);
  worker &w = sched::require_task(call);
  cache &mine = own_cache(w);
  if (w.held->owner->set.gcstress_alloc) {
    sched::park(w, caller, commit_stress, nullptr, "collection");
  } else if (step s = share_of_work(mine); s != step::none) {
    sched::park(w, caller, commit_step, &s, "its share of a collection");
  }
  preempt::stop_if_wanted(caller);
}

void *take(const managed_caller &caller, const char *call, cell_class &c, std::size_t bytes) {
  work_for_the_collection(caller, call);
  for (int attempt = 1;; ++attempt) {
    worker &w = sched::require_task(call);
    if (void *const cell = take_cell(own_cache(w), c, bytes))
      return cell;
    if (attempt == attempts)
      throw heap_is_full(w.held->owner->set.memory_limit);
    collect_whole(caller, call);
  }
}

// A cell of the thread's own, or null.
inline void *take_quickly(std::uint64_t index, std::size_t size) noexcept {
  free_run *run = this_runs;
  if (!run) [[unlikely]]
    return nullptr;
  run += index;
  const std::uintptr_t at = run->at;
  if (at + size > run->end) [[unlikely]]
    return nullptr;
  run->at = at + size;
  return reinterpret_cast<void *>(at);
}

[[gnu::noinline]] raw_ref allocate_slowly(abi::layout &type) {
  const managed_caller caller = STILLPOINT_MANAGED_CALLER();
  sched::require_task("gc::make()");
  cell_class &c = class_of(type);
  return reference(take(caller, "gc::make()", c, type.size));
}

raw_ref finished_array(void *cell, std::size_t count, bool header) noexcept {
  if (header)
    *static_cast<std::size_t *>(cell) = count;
  return reference(cell);
}

[[gnu::noinline]] raw_ref allocate_array_slowly(abi::layout &element, std::size_t count, bool header) {
  const managed_caller caller = STILLPOINT_MANAGED_CALLER();
  sched::require_task("gc::make_array()");
  std::size_t bytes = 0;
  cell_class &c = class_of_array(element, count, header, bytes);
  return finished_array(take(caller, "gc::make_array()", c, bytes), count, header);
}

// While one lives, the object is kept: nothing lists a runtime function's arguments.
class kept {
public:
  explicit kept(std::uintptr_t word) : word_(word) { add_root(&word_); }
  ~kept() { remove_root(&word_); }
  kept(const kept &) = delete;
  kept &operator=(const kept &) = delete;
  [[nodiscard]] std::uintptr_t word() const noexcept { return word_; }

private:
  std::uintptr_t word_;
};

raw_ref finished_weak(void *cell, std::uintptr_t target) noexcept {
  *static_cast<std::uintptr_t *>(cell) = target;
  return reference(cell);
}

[[gnu::noinline]] raw_ref make_weak_slowly(raw_ref object) {
  const managed_caller caller = STILLPOINT_MANAGED_CALLER();
  sched::require_task("gc::weak");
  const kept target(word_of(object));
  return finished_weak(take(caller, "gc::weak", class_of_weak_cells(), smallest_cell), target.word());
}

} // namespace
} // namespace rt::gc

namespace gc::detail {

using namespace rt::gc;

raw_ref allocate(abi::layout &type) {
  // Acquire: pairs with the release with which the class was made known. Index 0, an unknown type, has no cells.
  const std::uint64_t index = __atomic_load_n(&type.runtime_data[0], __ATOMIC_ACQUIRE);
  const std::uint64_t size = __atomic_load_n(&type.runtime_data[1], __ATOMIC_RELAXED);
  if (void *const cell = take_quickly(index, size)) [[likely]]
    return reference(cell);
  [[clang::musttail]] return allocate_slowly(type);
}

raw_ref allocate_array(abi::layout &element, std::size_t count, bool header) {
  if (this_runs) {
    std::size_t bytes = 0;
    const cell_class &c = class_of_array(element, count, header, bytes);
    if (!c.large)
      if (void *const cell = take_quickly(c.index, c.cell_size))
        return finished_array(cell, count, header);
  }
  [[clang::musttail]] return allocate_array_slowly(element, count, header);
}

void constructed(raw_ref object, abi::layout &) noexcept { expect_destructor(word_of(object)); }

raw_ref make_weak(raw_ref object) {
  if (void *const cell = this_runs ? take_quickly(class_of_weak_cells().index, smallest_cell) : nullptr)
    return finished_weak(cell, word_of(object));
  [[clang::musttail]] return make_weak_slowly(object);
}

raw_ref weak_target(raw_ref cell) noexcept {
  if (!cell)
    return nullptr;
  return reference(reinterpret_cast<void *>(__atomic_load_n(reinterpret_cast<std::uintptr_t *>(word_of(cell)), __ATOMIC_RELAXED)));
}

void add_root(raw_ref *address) { rt::gc::add_root(reinterpret_cast<std::uintptr_t *>(address)); }
void remove_root(raw_ref *address) noexcept { rt::gc::remove_root(reinterpret_cast<std::uintptr_t *>(address)); }

void *allocate_rooted(abi::layout &type, std::size_t count) { return rt::gc::allocate_rooted(type, count); }
void free_rooted(void *object) noexcept { rt::gc::free_rooted(object); }

} // namespace gc::detail

void gc::collect() {
  const rt::managed_caller caller = STILLPOINT_MANAGED_CALLER();
  rt::gc::own_cache(rt::sched::require_task("gc::collect()"));
  rt::gc::collect_whole(caller, "gc::collect()");
}

} // namespace stillpoint

// The write barrier's second half: `stored` is not null. Neither parks nor collects.
extern "C" void __stillpoint_shade(std::uintptr_t stored) noexcept {
  using namespace stillpoint::rt::gc;
  if (!heap_now.marking.load(std::memory_order_relaxed))
    return;
  if (cache *const mine = this_cache()) {
    if (!this_runs) [[unlikely]]
      stillpoint::rt::fatal("a reference was stored into collected memory inside syscall() or foreign(): the collector may be anywhere");
    mark(*mine, stored);
  } else
    mark_from_outside(stored);
}
