// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See mark.h.
#include "gc/mark.h"

#include "fatal.h"

#include <algorithm>
#include <bit>
#include <sys/mman.h>
#include <utility>

// Tasks write references while these functions read them, on purpose and as words.
#define STILLPOINT_RACES_WITH_TASKS __attribute__((no_sanitize("thread")))

namespace stillpoint::rt::gc {

struct mark_chunk {
  static constexpr std::size_t capacity = 510;
  mark_chunk *next;
  std::size_t count;
  std::uintptr_t items[capacity];
};
static_assert(sizeof(mark_chunk) == 4096);

namespace {

constexpr std::size_t chunks_at_a_time = 64;
constexpr std::size_t ring_size = 8;
// Of a large array at a time.
constexpr std::size_t piece = std::size_t{32} << 10;
constexpr std::uintptr_t rest_of_array = 1;
// How often a worker that marks looks whether the others have nothing to do.
constexpr unsigned scans_between_looks = 64;

struct mark_list {
  lock mutex;
  mark_chunk *full STILLPOINT_GUARDED_BY(mutex) = nullptr;
  mark_chunk *unused STILLPOINT_GUARDED_BY(mutex) = nullptr;
  std::atomic<std::uint32_t> waiting{0};  // chunks in `full`
  std::atomic<std::uint32_t> draining{0}; // workers in drain()
  std::atomic<std::uint32_t> held{0};     // 1: drain() does nothing
  std::atomic<bool> shared{true};
};
constinit mark_list list;

mark_chunk *make_chunks() noexcept STILLPOINT_REQUIRES(list.mutex) {
  void *const at = mmap(nullptr, chunks_at_a_time * sizeof(mark_chunk), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (at == MAP_FAILED)
    fatal("no memory to mark the collected heap with");
  auto *const chunks = static_cast<mark_chunk *>(at);
  for (std::size_t i = 1; i < chunks_at_a_time; ++i) {
    chunks[i].next = list.unused;
    list.unused = &chunks[i];
  }
  return chunks;
}

mark_chunk *empty_chunk() noexcept {
  const lock_guard held(list.mutex);
  mark_chunk *c = list.unused;
  if (c)
    list.unused = c->next;
  else
    c = make_chunks();
  c->next = nullptr;
  c->count = 0;
  return c;
}

void give_chunk(mark_chunk &c) noexcept {
  const lock_guard held(list.mutex);
  mark_chunk *&to = c.count != 0 ? list.full : list.unused;
  if (c.count != 0)
    list.waiting.fetch_add(1, std::memory_order_relaxed);
  c.next = to;
  to = &c;
}

mark_chunk *take_chunk() noexcept {
  if (list.waiting.load(std::memory_order_relaxed) == 0)
    return nullptr;
  const lock_guard held(list.mutex);
  mark_chunk *const c = list.full;
  if (c) {
    list.full = c->next;
    list.waiting.fetch_sub(1, std::memory_order_relaxed);
  }
  return c;
}

inline void push(cache &mine, std::uintptr_t item) noexcept {
  mark_chunk *c = mine.local;
  if (!c || c->count == mark_chunk::capacity) [[unlikely]] {
    if (c)
      give_chunk(*c);
    c = mine.local = empty_chunk();
  }
  c->items[c->count++] = item;
}

inline std::uintptr_t pop(cache &mine) noexcept {
  mark_chunk *c = mine.local;
  if (!c || c->count == 0) [[unlikely]] {
    mark_chunk *const other = take_chunk();
    if (!other)
      return 0;
    if (c)
      give_chunk(*c);
    c = mine.local = other;
  }
  return c->items[--c->count];
}

// Gives the older half away: in a tree, those with the most below them.
void share(cache &mine) noexcept {
  mark_chunk *const c = mine.local;
  if (!c || c->count < 4 || list.waiting.load(std::memory_order_relaxed) != 0)
    return;
  mark_chunk *const half = empty_chunk();
  half->count = c->count / 2;
  std::copy_n(c->items, half->count, half->items);
  std::copy(c->items + half->count, c->items + c->count, c->items);
  c->count -= half->count;
  give_chunk(*half);
}

// Sets the mark; false if it was set.
template <bool Shared>
inline bool set_mark(span &s, std::uint32_t cell) noexcept {
  std::atomic<std::uint64_t> &word = s.marked[cell / 64];
  const std::uint64_t bit = std::uint64_t{1} << (cell % 64);
  const std::uint64_t seen = word.load(std::memory_order_relaxed);
  if (seen & bit)
    return false;
  if constexpr (Shared)
    return (word.fetch_or(bit, std::memory_order_relaxed) & bit) == 0;
  word.store(seen | bit, std::memory_order_relaxed);
  return true;
}

template <bool Shared>
inline void mark_word(cache &mine, std::uintptr_t word) noexcept {
  span *const s = span_of(word);
  if (!s) [[unlikely]]
    return;
  const std::uint32_t cell = cell_of(*s, word);
  if (cell >= s->cells || !set_mark<Shared>(*s, cell))
    return;
  mine.marked_bytes += s->large ? s->bytes : s->cell_size;
  ++mine.marked_objects;
  if (s->scan != scanning::nothing)
    push(mine, address_of(*s, cell));
}

inline std::uintptr_t read(std::uintptr_t address) noexcept {
  return __atomic_load_n(reinterpret_cast<std::uintptr_t *>(address), __ATOMIC_RELAXED);
}

template <bool Shared>
STILLPOINT_RACES_WITH_TASKS inline void mark_words(cache &mine, std::uintptr_t object, std::uint64_t words) noexcept {
  for (; words != 0; words &= words - 1)
    if (const std::uintptr_t word = read(object + 8 * static_cast<unsigned>(std::countr_zero(words))))
      mark_word<Shared>(mine, word);
}

template <bool Shared>
STILLPOINT_RACES_WITH_TASKS inline void mark_object(cache &mine, std::uintptr_t object, const type_record &type) noexcept {
  if (type.reference_words != 0)
    return mark_words<Shared>(mine, object, type.reference_words);
  for (const std::uint32_t offset : type.offsets)
    if (const std::uintptr_t word = read(object + offset))
      mark_word<Shared>(mine, word);
}

// The elements of an array from `from` on, or a part of them.
template <bool Shared>
std::size_t scan_elements(cache &mine, const span &s, std::uintptr_t array, std::uintptr_t from) noexcept {
  const type_record &type = *s.cls->type;
  const std::uintptr_t first = array + first_element(*s.cls);
  const std::size_t room = (array + s.bytes - first) / type.size;
  const std::size_t count = s.cls->form == shape::counted_array ? std::min<std::size_t>(read(array), room) : room;
  const std::uintptr_t end = first + count * type.size;
  std::uintptr_t at = std::max(from, first);
  std::uintptr_t stop = end;
  if (end - at > piece) {
    stop = at + std::max<std::size_t>(piece / type.size, 1) * type.size;
    if (stop < end)
      push(mine, stop | rest_of_array);
  }
  const std::size_t bytes = stop - at;
  for (; at < stop; at += type.size)
    mark_object<Shared>(mine, at, type);
  return bytes;
}

template <bool Shared>
std::size_t scan_general(cache &mine, const span &s, std::uintptr_t object, std::uintptr_t from) noexcept {
  if (s.cls->form != shape::object)
    return scan_elements<Shared>(mine, s, object, from);
  mark_object<Shared>(mine, object, *s.cls->type);
  return s.bytes;
}

template <bool Shared>
inline std::size_t scan(cache &mine, std::uintptr_t item) noexcept {
  const span &s = *range.table[(item - range.base) >> page_shift].load(std::memory_order_relaxed);
  if (s.scan == scanning::words) [[likely]] {
    mark_words<Shared>(mine, item, s.reference_words);
    return s.cell_size;
  }
  const std::uintptr_t at = item & ~rest_of_array;
  return scan_general<Shared>(mine, s, item == at ? at : address_of(s, cell_of(s, at)), at);
}

template <bool Shared>
std::size_t drain_as(cache &mine, std::size_t budget) noexcept {
  std::uintptr_t ring[ring_size] = {};
  std::size_t done = 0;
  std::size_t in_ring = 0;
  unsigned scans = 0;
  for (std::size_t at = 0; done < budget; at = (at + 1) % ring_size) {
    const std::uintptr_t fresh = pop(mine);
    const std::uintptr_t item = ring[at];
    ring[at] = fresh;
    if (fresh) {
      __builtin_prefetch(reinterpret_cast<const void *>(fresh));
      ++in_ring;
    }
    if (item) {
      --in_ring;
      done += scan<Shared>(mine, item);
      if (Shared && ++scans % scans_between_looks == 0)
        share(mine);
    } else if (!fresh && in_ring == 0) {
      break;
    }
  }
  for (const std::uintptr_t item : ring)
    if (item)
      push(mine, item);
  return done;
}

bool shared_marking() noexcept { return list.shared.load(std::memory_order_relaxed); }

} // namespace

void set_shared_marking(bool shared) noexcept { list.shared.store(shared, std::memory_order_relaxed); }

void mark(cache &mine, std::uintptr_t word) noexcept {
  if (shared_marking())
    mark_word<true>(mine, word);
  else
    mark_word<false>(mine, word);
}

void mark_from_outside(std::uintptr_t word) noexcept {
  cache nobody;
  mark_word<true>(nobody, word);
  publish_local(nobody);
}

void mark_references_in(cache &mine, const type_record &type, const void *object) noexcept {
  mark_object<true>(mine, reinterpret_cast<std::uintptr_t>(object), type);
}

void mark_contents(cache &mine, place object) noexcept {
  const span &s = *object.in;
  if (s.scan == scanning::words)
    mark_words<true>(mine, object.address(), s.reference_words);
  else if (s.scan == scanning::general)
    scan_general<true>(mine, s, object.address(), object.address());
}

std::size_t drain(cache &mine, std::size_t budget) noexcept {
  // Sequentially consistent: pairs with hold_draining. Either it sees us and waits, or we see it and leave.
  list.draining.fetch_add(1, std::memory_order_seq_cst);
  std::size_t done = 0;
  if (list.held.load(std::memory_order_seq_cst) == 0)
    done = drain_held(mine, budget);
  list.draining.fetch_sub(1, std::memory_order_release); // pairs with seems_marked and hold_draining
  return done;
}

std::size_t drain_held(cache &mine, std::size_t budget) noexcept {
  const std::size_t done = shared_marking() ? drain_as<true>(mine, budget) : drain_as<false>(mine, budget);
  publish_local(mine);
  return done;
}

void hold_draining() noexcept {
  list.held.store(1, std::memory_order_seq_cst);
  while (list.draining.load(std::memory_order_seq_cst) != 0)
    __builtin_ia32_pause();
}

void allow_draining() noexcept { list.held.store(0, std::memory_order_seq_cst); }

bool anyone_drains() noexcept { return list.draining.load(std::memory_order_acquire) != 0; }

void publish_local(cache &mine) noexcept {
  if (mine.local)
    give_chunk(*std::exchange(mine.local, nullptr));
}

bool seems_marked() noexcept {
  return list.draining.load(std::memory_order_acquire) == 0 && list.waiting.load(std::memory_order_relaxed) == 0;
}

bool nothing_waits() noexcept {
  const lock_guard held(list.mutex);
  return list.full == nullptr;
}

} // namespace stillpoint::rt::gc
