// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Caches and the slow half of taking a cell: see heap.h.
#include "gc/heap.h"

#include "fatal.h"
#include "gc/pages.h"
#include "gc/sweep.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <sys/mman.h>

namespace stillpoint::rt::gc {

constinit heap_state heap_now;
constinit thread_local free_run *this_runs = nullptr;

namespace {

constinit thread_local cache *current_cache = nullptr;
constinit std::atomic<cache *> cache_list{nullptr};
constinit lock cache_mutex;

constexpr std::size_t clear_by_unmapping = std::size_t{256} << 10;
// How many full spans of its class an allocation looks at before it takes new pages.
constexpr std::size_t full_spans_in_a_row = 64;
// Before the heap grows, so many spans of other classes are swept.
constexpr std::size_t swept_for_a_span = 16;

template <class T>
T *map_table(std::size_t entries) {
  void *const at = mmap(nullptr, entries * sizeof(T), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (at == MAP_FAILED)
    fatal("no memory for a worker's part of the collected heap");
  return static_cast<T *>(at);
}

// Bits [from, to) of `words` at once; to > from.
template <class Word, class Change>
void change_bits(Word *words, std::uint32_t from, std::uint32_t to, Change change) noexcept {
  for (std::uint32_t word = from / 64; word <= (to - 1) / 64; ++word) {
    std::uint64_t mask = ~std::uint64_t{0};
    if (word == from / 64)
      mask &= ~std::uint64_t{0} << (from % 64);
    if (word == (to - 1) / 64)
      mask &= ~std::uint64_t{0} >> (63 - (to - 1) % 64);
    change(words[word], mask);
  }
}

void set_allocated(span &s, std::uint32_t from, std::uint32_t to, bool value) noexcept {
  change_bits(s.allocated, from, to, [value](std::uint64_t &word, std::uint64_t mask) { word = value ? word | mask : word & ~mask; });
}

void set_marked(span &s, std::uint32_t from, std::uint32_t to, bool value) noexcept {
  change_bits(s.marked, from, to, [value](std::atomic<std::uint64_t> &word, std::uint64_t mask) {
    if (value)
      word.fetch_or(mask, std::memory_order_relaxed);
    else
      word.fetch_and(~mask, std::memory_order_relaxed);
  });
}

// The first cell from `cell` on whose allocation bit is `value`, or s.cells.
std::uint32_t next_cell(const span &s, std::uint32_t cell, bool value) noexcept {
  while (cell < s.cells) {
    const std::uint64_t word = (value ? s.allocated[cell / 64] : ~s.allocated[cell / 64]) >> (cell % 64);
    if (word != 0)
      return std::min<std::uint32_t>(cell + static_cast<std::uint32_t>(std::countr_zero(word)), s.cells);
    cell = (cell / 64 + 1) * 64;
  }
  return s.cells;
}

void count(cache &mine, std::uint64_t objects, std::uint64_t bytes) noexcept {
  mine.objects += objects;
  mine.bytes += bytes;
  heap_now.allocated_bytes.fetch_add(bytes, std::memory_order_relaxed);
}

// The next run of free cells in the span that the cache has for `c`.
bool next_run(cache &mine, cell_class &c) noexcept {
  span &s = *mine.spans[c.index];
  const std::uint32_t from = next_cell(s, s.position, false);
  if (from == s.cells) {
    s.position = s.cells;
    return false;
  }
  const std::uint32_t to = heap_now.single_cells.load(std::memory_order_relaxed) ? from + 1 : next_cell(s, from, true);
  s.position = to;
  set_allocated(s, from, to, true);
  const bool marking = heap_now.marking.load(std::memory_order_relaxed);
  if (marking)
    set_marked(s, from, to, true);
  const std::uintptr_t at = address_of(s, from);
  const std::uintptr_t end = address_of(s, to);
  mine.runs[c.index] = {at, end};
  count(mine, to - from, end - at); // before the clearing: a locked operation would wait for its stores
  if (marking) {
    mine.marked_bytes += end - at;
    mine.marked_objects += to - from;
  }
  if (s.dirty)
    std::memset(reinterpret_cast<void *>(at), 0, end - at);
  return true;
}

// A swept span of the class with free cells, for this cache alone. Looks at so many at most.
span *offered_span(cell_class &c, std::size_t most) noexcept {
  const lock_guard held(c.mutex);
  for (std::size_t looked = 0; c.next < c.spans.size() && looked < most; ++looked) {
    span &s = *c.spans[c.next++];
    if (s.swept != heap_now.epoch)
      sweep(s);
    if (s.available) {
      s.available = false;
      return &s;
    }
  }
  return nullptr;
}

void describe(span &s, cell_class &c, void *pages, std::size_t count, bool dirty) noexcept {
  s.base = reinterpret_cast<std::uintptr_t>(pages);
  s.pages = static_cast<std::uint32_t>(count);
  s.large = c.large;
  s.cells = c.large ? std::uint16_t{1} : static_cast<std::uint16_t>(c.cells);
  s.cell_size = c.large ? 0 : c.cell_size;
  s.magic = c.large ? 0 : magic_for(c.cell_size);
  s.bytes = c.large ? count * page_size : c.cell_size;
  s.scan = c.scan;
  s.reference_words = c.scan == scanning::words ? c.type->reference_words : 0;
  s.cls = &c;
  s.dirty = dirty;
  s.swept = heap_now.epoch;
}

void *pages_for_span(std::size_t count, std::size_t alignment, bool &dirty) noexcept {
  if (void *const pages = take_free_pages(count, alignment, dirty))
    return pages;
  if (sweep_some(swept_for_a_span + count))
    if (void *const pages = take_free_pages(count, alignment, dirty))
      return pages;
  if (void *const pages = take_pages(count, alignment, dirty))
    return pages;
  finish_sweeping();
  return take_pages(count, alignment, dirty);
}

span *fresh_span(cell_class &c, std::size_t count) noexcept {
  bool dirty = false;
  void *const pages = pages_for_span(count, c.type->alignment, dirty);
  if (!pages)
    return nullptr;
  span &s = new_span();
  describe(s, c, pages, count, dirty);
  publish_span(s);
  const lock_guard held(c.mutex);
  c.spans.push_back(&s);
  return &s;
}

void clear(span &s) noexcept {
  void *const at = reinterpret_cast<void *>(s.base);
  if (s.bytes < clear_by_unmapping || madvise(at, s.bytes, MADV_DONTNEED) != 0)
    std::memset(at, 0, s.bytes);
}

void *take_large(cache &mine, cell_class &c, std::size_t bytes) noexcept {
  span *const s = fresh_span(c, (bytes + 1 + page_size - 1) >> page_shift);
  if (!s)
    return nullptr;
  if (s->dirty)
    clear(*s);
  s->allocated[0] = 1;
  s->position = 1;
  count(mine, 1, s->bytes);
  if (heap_now.marking.load(std::memory_order_relaxed)) {
    s->marked[0].store(1, std::memory_order_relaxed);
    mine.marked_bytes += s->bytes;
    ++mine.marked_objects;
  }
  return reinterpret_cast<void *>(s->base);
}

bool refill(cache &mine, cell_class &c) noexcept {
  span *&current = mine.spans[c.index];
  if (current && next_run(mine, c))
    return true;
  if (!current)
    mine.used.push_back(c.index);
  for (;;) {
    current = offered_span(c, full_spans_in_a_row);
    if (!current)
      current = fresh_span(c, c.pages);
    if (!current)
      current = offered_span(c, SIZE_MAX);
    if (!current) {
      mine.used.erase(std::find(mine.used.begin(), mine.used.end(), c.index));
      return false;
    }
    if (next_run(mine, c))
      return true;
  }
}

// The world is stopped. Calls visit(span, first, end) for what each cache still holds.
template <class Visit>
void each_run(Visit visit) noexcept {
  for (cache *mine = all_caches(); mine; mine = mine->next_all)
    for (const std::uint32_t index : mine->used) {
      span &s = *mine->spans[index];
      const free_run &run = mine->runs[index];
      if (run.at != run.end)
        visit(*mine, s, cell_of(s, run.at), cell_of(s, run.end - 1) + 1);
    }
}

} // namespace

// Not inlined: a task that has been on another thread in between must not find the former one's.
[[gnu::noinline]] cache *this_cache() noexcept {
  asm volatile("" ::: "memory");
  return current_cache;
}

[[gnu::noinline]] cache &attach_cache(worker *w) {
  reserve_range();
  const lock_guard held(cache_mutex);
  cache *mine = cache_list.load(std::memory_order_relaxed);
  while (mine && mine->owner != w)
    mine = mine->next_all;
  if (!mine) {
    mine = new cache;
    mine->runs = map_table<free_run>(most_classes);
    mine->spans = map_table<span *>(most_classes);
    mine->runs[0].at = 1; // so that at + 0 > end
    mine->owner = w;
    mine->next_all = cache_list.load(std::memory_order_relaxed);
    cache_list.store(mine, std::memory_order_release); // pairs with all_caches
  }
  current_cache = mine;
  this_runs = mine->runs;
  return *mine;
}

cache *all_caches() noexcept { return cache_list.load(std::memory_order_acquire); }

void *take_cell(cache &mine, cell_class &c, std::size_t bytes) noexcept {
  if (c.large)
    return take_large(mine, c, bytes);
  free_run &run = mine.runs[c.index];
  if (run.at == run.end && !refill(mine, c))
    return nullptr;
  void *const cell = reinterpret_cast<void *>(run.at);
  run.at += c.cell_size;
  return cell;
}

void mark_caches() noexcept {
  each_run([](cache &mine, span &s, std::uint32_t from, std::uint32_t to) {
    set_marked(s, from, to, true);
    mine.marked_objects += to - from;
    mine.marked_bytes += std::uint64_t{to - from} * s.cell_size;
  });
}

void flush_caches() noexcept {
  const bool marking = heap_now.marking.load(std::memory_order_relaxed);
  each_run([marking](cache &mine, span &s, std::uint32_t from, std::uint32_t to) {
    set_marked(s, from, to, false);
    set_allocated(s, from, to, false);
    mine.objects -= to - from;
    mine.bytes -= std::uint64_t{to - from} * s.cell_size;
    if (marking) {
      mine.marked_objects -= to - from;
      mine.marked_bytes -= std::uint64_t{to - from} * s.cell_size;
    }
    s.dirty = true; // it was cleared, but sweeping assumes the worst of all free cells
  });
  for (cache *mine = all_caches(); mine; mine = mine->next_all) {
    for (const std::uint32_t index : mine->used) {
      mine->spans[index] = nullptr;
      mine->runs[index] = {};
    }
    mine->used.clear();
  }
}

} // namespace stillpoint::rt::gc
