// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See stack.h.
#include "stack/stack.h"

#include "sched/core.h"
#include "sched/lock.h"

#include <array>
#include <bit>
#include <cassert>
#include <memory>
#include <new>
#include <sys/mman.h>

namespace stillpoint::rt::stack {
namespace {

constexpr int madv_guard_install = 102; // MADV_GUARD_INSTALL, Linux 6.13; older headers do not have it
constexpr unsigned class_count = std::bit_width(max_size / min_size);
constexpr std::size_t slab_bytes = std::size_t{64} << 20;
// Of reserved size: few stacks are ever used to the bottom. What is beyond the first is given back when there is time, beyond the second at once.
constexpr std::size_t warm_limit = std::size_t{256} << 20;
constexpr std::size_t most_warm = std::size_t{4} << 30;
constexpr unsigned cooled_at_a_time = 16;
// So many of each size up to 1 MiB are kept, whatever the limit says: stacks of another size may have used it up.
constexpr unsigned always_warm = 64;
constexpr std::size_t always_warm_size = std::size_t{1} << 20;
constexpr unsigned max_slots_per_slab = 256;

struct size_class {
  slot *warm = nullptr;
  slot *cold = nullptr;
  unsigned warm_count = 0;
};

struct pool {
  lock mutex;
  std::array<size_class, class_count> classes STILLPOINT_GUARDED_BY(mutex){};
  std::size_t warm_bytes STILLPOINT_GUARDED_BY(mutex) = 0;
  std::atomic<bool> too_warm{false}; // a copy of warm_bytes > warm_limit, to look at without the lock
};
constinit pool stacks;

std::size_t bytes_of(unsigned size_class) noexcept { return min_size << size_class; }

unsigned class_of(std::size_t size) noexcept { return size <= min_size ? 0 : static_cast<unsigned>(std::bit_width((size - 1) / min_size)); }

bool install_light_guard(void *where, std::size_t size) noexcept { return madvise(where, size, madv_guard_install) == 0; }

bool probe_light_guards() noexcept {
  void *const page = mmap(nullptr, guard_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (page == MAP_FAILED)
    return false;
  const bool works = install_light_guard(page, guard_size);
  munmap(page, guard_size);
  return works;
}

slot *pop(slot *&list) noexcept {
  slot *const s = list;
  if (s)
    list = s->next;
  return s;
}

void push(slot *&list, slot &s) noexcept {
  s.next = list;
  list = &s;
}

// Maps a slab and puts its slots on the class's cold list, lowest address first.
void grow(unsigned index) STILLPOINT_REQUIRES(stacks.mutex) {
  const std::size_t step = bytes_of(index) + guard_size;
  std::size_t count = slab_bytes / step;
  count = count < 1 ? 1 : count > max_slots_per_slab ? max_slots_per_slab : count;
  auto records = std::make_unique<slot[]>(count);
  void *const base = mmap(nullptr, step * count, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (base == MAP_FAILED)
    throw std::bad_alloc();
  madvise(base, step * count, MADV_NOHUGEPAGE); // may fail where huge pages are not built in: then nothing is to be done
  for (std::size_t i = count; i-- > 0;) {
    slot &s = records[i];
    s.low = reinterpret_cast<std::uintptr_t>(base) + i * step + guard_size;
    s.high = s.low + bytes_of(index);
    s.size_class = index;
    push(stacks.classes[index].cold, s);
  }
  records.release(); // slots live as long as the process
}

void add_warm(std::size_t bytes) noexcept STILLPOINT_REQUIRES(stacks.mutex) {
  stacks.warm_bytes += bytes;
  stacks.too_warm.store(stacks.warm_bytes > warm_limit, std::memory_order_relaxed);
}
void take_warm(std::size_t bytes) noexcept STILLPOINT_REQUIRES(stacks.mutex) {
  stacks.warm_bytes -= bytes;
  stacks.too_warm.store(stacks.warm_bytes > warm_limit, std::memory_order_relaxed);
}

// Gives a slot's pages back, and the slot to the cold ones.
void cool(slot &s) noexcept {
  if (!s.cold)
    madvise(reinterpret_cast<void *>(s.low), s.high - s.low, MADV_DONTNEED); // the guard stays
  s.cold = true;
  const lock_guard held(stacks.mutex);
  push(stacks.classes[s.size_class].cold, s);
}

bool keep_warm(slot &s) noexcept STILLPOINT_REQUIRES(stacks.mutex) {
  size_class &list = stacks.classes[s.size_class];
  const std::size_t size = bytes_of(s.size_class);
  const bool reserve = list.warm_count < always_warm && size <= always_warm_size;
  if (!s.guarded || (!reserve && stacks.warm_bytes + size > most_warm))
    return false;
  add_warm(size);
  ++list.warm_count;
  push(list.warm, s);
  return true;
}

bool make_guard(slot &s) noexcept {
  void *const guard = reinterpret_cast<void *>(s.low - guard_size);
  return has_light_guards() ? install_light_guard(guard, guard_size) : mprotect(guard, guard_size, PROT_NONE) == 0;
}

} // namespace

bool has_light_guards() noexcept {
  static std::atomic<int> known{-1}; // relaxed: the answer is always the same
  int answer = known.load(std::memory_order_relaxed);
  if (answer < 0) {
    answer = probe_light_guards();
    known.store(answer, std::memory_order_relaxed);
  }
  return answer != 0;
}

slot &allocate(std::size_t size) {
  assert(size >= min_size && size <= max_size);
  const unsigned index = class_of(size);
  slot *s = nullptr;
  {
    const lock_guard held(stacks.mutex);
    size_class &list = stacks.classes[index];
    s = pop(list.warm);
    if (s) {
      take_warm(bytes_of(index));
      --list.warm_count;
    } else {
      if (!list.cold)
        grow(index);
      s = pop(list.cold);
    }
  }
  if (!s->guarded && !(s->guarded = make_guard(*s))) {
    release(*s);
    throw std::bad_alloc();
  }
  s->cold = false;
  return *s;
}

void release(slot &s) noexcept {
  slot *const one = &s;
  release({&one, 1});
}

void release(std::span<slot *const> some) noexcept {
  slot *rest = nullptr; // is not kept warm
  {
    const lock_guard held(stacks.mutex);
    for (slot *const s : some)
      if (!keep_warm(*s))
        push(rest, *s);
  }
  while (slot *const s = pop(rest))
    cool(*s);
}

bool cool_some() noexcept {
  if (!stacks.too_warm.load(std::memory_order_relaxed))
    return false;
  for (unsigned i = 0; i < cooled_at_a_time; ++i) {
    slot *s = nullptr;
    {
      const lock_guard held(stacks.mutex);
      if (stacks.warm_bytes <= warm_limit)
        return false;
      for (unsigned c = class_count; c-- > 0 && !s;)
        if (size_class &list = stacks.classes[c]; list.warm_count > always_warm || bytes_of(c) > always_warm_size)
          s = pop(list.warm);
      if (!s)
        return false;
      --stacks.classes[s->size_class].warm_count;
      take_warm(bytes_of(s->size_class));
    }
    cool(*s);
  }
  return true;
}

bool in_guard(const task &t, std::uintptr_t address) noexcept { return address < t.stack_low && t.stack_low - address <= guard_size; }

void lock_for_fork() noexcept STILLPOINT_UNCHECKED_LOCKING { stacks.mutex.acquire(); }
void unlock_after_fork() noexcept STILLPOINT_UNCHECKED_LOCKING { stacks.mutex.release(); }

} // namespace stillpoint::rt::stack
