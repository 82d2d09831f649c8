// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See pages.h.
#include "gc/pages.h"

#include "fatal.h"
#include "sched/lock.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <new>
#include <sys/mman.h>

namespace stillpoint::rt::gc {

constinit address_range range;

namespace {

constexpr std::size_t largest_range = std::size_t{256} << 30;
constexpr std::size_t smallest_range = std::size_t{256} << 20;
constexpr std::size_t commit_step = std::size_t{4} << 20; // at least; an eighth of what there is
// The system maps this much at a time if it can: fewer faults, and fewer misses when marking jumps from object to object.
constexpr std::size_t huge_page = std::size_t{2} << 20;
constexpr std::size_t huge_count = huge_page >> page_shift;
// Of the pages in use, so many more are touched ahead, but not more than some.
constexpr std::size_t share_ahead = 8;
constexpr std::size_t most_ahead = 4 * huge_count;
constexpr std::size_t base_page = 4096;
constexpr std::size_t metadata_step = std::size_t{1} << 20;

struct page_bits {
  std::uint64_t *words = nullptr;
  [[nodiscard]] bool get(std::size_t page) const noexcept { return (words[page / 64] >> (page % 64)) & 1; }
  void set(std::size_t page) const noexcept { words[page / 64] |= std::uint64_t{1} << (page % 64); }
  void clear(std::size_t page) const noexcept { words[page / 64] &= ~(std::uint64_t{1} << (page % 64)); }
};

struct page_heap {
  lock mutex;
  page_bits free STILLPOINT_GUARDED_BY(mutex);
  page_bits dirty STILLPOINT_GUARDED_BY(mutex);             // of the free ones
  page_bits idle STILLPOINT_GUARDED_BY(mutex);              // free since the last collection
  std::size_t lowest_free STILLPOINT_GUARDED_BY(mutex) = 0; // none below
  std::size_t frontier STILLPOINT_GUARDED_BY(mutex) = 0;    // pages from here on were never used
  std::size_t usable STILLPOINT_GUARDED_BY(mutex) = 0;      // pages below here may be touched
  std::size_t ahead STILLPOINT_GUARDED_BY(mutex) = 0;       // a huge page's first; pages from here on nobody has touched, or touches
  std::size_t limit STILLPOINT_GUARDED_BY(mutex) = 0;
  page_counts counts STILLPOINT_GUARDED_BY(mutex);

  lock metadata_mutex;
  span *unused STILLPOINT_GUARDED_BY(metadata_mutex) = nullptr;
  char *metadata STILLPOINT_GUARDED_BY(metadata_mutex) = nullptr;
  std::size_t metadata_left STILLPOINT_GUARDED_BY(metadata_mutex) = 0;
};
constinit page_heap heap;
constinit std::atomic<bool> claims_wanted{false}; // written under heap.mutex

void *map(std::size_t bytes, int protection) noexcept {
  void *const at = mmap(nullptr, bytes, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return at == MAP_FAILED ? nullptr : at;
}

template <class T>
T *map_table(std::size_t entries) noexcept {
  void *const at = map(entries * sizeof(T), PROT_READ | PROT_WRITE);
  if (!at)
    fatal("no memory for the tables of the collected heap");
  return static_cast<T *>(at);
}

std::uintptr_t address_of_page(std::size_t page) noexcept { return range.base + (page << page_shift); }

// The first free page from `page` on, or `end`.
std::size_t next_free(std::size_t page, std::size_t end) noexcept STILLPOINT_REQUIRES(heap.mutex) {
  while (page < end) {
    if (const std::uint64_t word = heap.free.words[page / 64] >> (page % 64))
      return std::min(page + static_cast<std::size_t>(std::countr_zero(word)), end);
    page = (page / 64 + 1) * 64;
  }
  return end;
}

// The first of `count` free pages in a row, at an address that is a multiple of `step` pages, or the frontier.
std::size_t find_free(std::size_t count, std::size_t step) noexcept STILLPOINT_REQUIRES(heap.mutex) {
  const std::size_t skew = (range.base >> page_shift) % step;
  heap.lowest_free = next_free(heap.lowest_free, heap.frontier);
  std::size_t page = heap.lowest_free;
  while (page < heap.frontier) {
    if (const std::size_t past = (page + skew) % step; past != 0) {
      page = next_free(page + step - past, heap.frontier);
      continue;
    }
    std::size_t end = page + 1;
    while (end < page + count && end < heap.frontier && heap.free.get(end))
      ++end;
    if (end == page + count)
      return page;
    page = next_free(end, heap.frontier);
  }
  return heap.frontier;
}

void give_back(std::size_t page, std::size_t count) noexcept STILLPOINT_REQUIRES(heap.mutex) {
  if (madvise(reinterpret_cast<void *>(address_of_page(page)), count << page_shift, MADV_DONTNEED) != 0)
    return;
  std::size_t returned = 0;
  for (std::size_t i = page; i < page + count; ++i) {
    returned += heap.dirty.get(i);
    heap.dirty.clear(i);
  }
  heap.counts.dirty -= returned;
  heap.counts.returned += returned;
}

void give_all_back() noexcept STILLPOINT_REQUIRES(heap.mutex) {
  for (std::size_t page = next_free(heap.lowest_free, heap.frontier); page < heap.frontier;) {
    std::size_t end = page;
    while (end < heap.frontier && heap.free.get(end) && heap.dirty.get(end))
      ++end;
    if (end > page)
      give_back(page, end - page);
    page = next_free(std::max(end, page + 1), heap.frontier);
  }
}

// Whether the huge page that begins at `page` has been free since the last collection, and holds memory.
bool idle_huge_page(std::size_t page) noexcept STILLPOINT_REQUIRES(heap.mutex) {
  std::uint64_t all = ~std::uint64_t{0}, any = 0;
  for (std::size_t word = page / 64; word < (page + huge_count) / 64; ++word) {
    all &= heap.free.words[word] & heap.idle.words[word];
    any |= heap.dirty.words[word];
  }
  return all == ~std::uint64_t{0} && any != 0;
}

// Whether `count` more pages of memory may be used, `reused` of which are dirty ones. Gives other free pages back if that helps.
bool within_limit(std::size_t count, std::size_t reused) noexcept STILLPOINT_REQUIRES(heap.mutex) {
  if (heap.limit == 0 || heap.counts.used + heap.counts.dirty + count - reused <= heap.limit)
    return true;
  if (heap.counts.used + count > heap.limit)
    return false;
  give_all_back();
  return true;
}

bool make_usable(std::size_t end) noexcept STILLPOINT_REQUIRES(heap.mutex) {
  if (end <= heap.usable)
    return true;
  const std::size_t pages = range.size >> page_shift;
  const std::size_t step = std::max(commit_step >> page_shift, heap.usable / 8);
  const std::size_t wanted = std::min((end + step - 1) / step * step, pages);
  if (end > pages ||
      mprotect(reinterpret_cast<void *>(address_of_page(heap.usable)), (wanted - heap.usable) << page_shift, PROT_READ | PROT_WRITE) != 0)
    return false;
  // A wish: small pages do as well.
  static_cast<void>(madvise(reinterpret_cast<void *>(address_of_page(heap.usable)), (wanted - heap.usable) << page_shift, MADV_HUGEPAGE));
  heap.usable = wanted;
  return true;
}

void *take_found(std::size_t page, std::size_t count, bool &dirty) noexcept STILLPOINT_REQUIRES(heap.mutex) {
  std::size_t reused = 0;
  for (std::size_t i = page; i < page + count; ++i)
    reused += heap.dirty.get(i);
  if (!within_limit(count, reused))
    return nullptr;
  dirty = false;
  for (std::size_t i = page; i < page + count; ++i) {
    if (heap.dirty.get(i)) {
      dirty = true;
      --heap.counts.dirty;
    }
    heap.free.clear(i);
    heap.dirty.clear(i);
    heap.idle.clear(i);
  }
  heap.counts.used += count;
  return reinterpret_cast<void *>(address_of_page(page));
}

// Whether the memory ahead of the frontier is less than it should be.
bool short_ahead() noexcept STILLPOINT_REQUIRES(heap.mutex) {
  return heap.frontier + std::min(heap.frontier / share_ahead, most_ahead) > heap.ahead;
}

void *take_new(std::size_t count, std::size_t step) noexcept STILLPOINT_REQUIRES(heap.mutex) {
  const std::size_t skew = (range.base >> page_shift) % step;
  const std::size_t past = (heap.frontier + skew) % step;
  const std::size_t page = heap.frontier + (past == 0 ? 0 : step - past);
  if (count > (range.size >> page_shift) || !within_limit(count, 0) || !make_usable(page + count))
    return nullptr;
  for (std::size_t i = heap.frontier; i < page; ++i)
    heap.free.set(i);
  heap.lowest_free = std::min(heap.lowest_free, heap.frontier);
  heap.frontier = page + count;
  heap.ahead = std::max(heap.ahead, (heap.frontier + huge_count - 1) / huge_count * huge_count); // they are touched by who uses them
  claims_wanted.store(short_ahead(), std::memory_order_relaxed);
  heap.counts.used += count;
  return reinterpret_cast<void *>(address_of_page(page));
}

std::size_t step_of(std::size_t alignment) noexcept { return std::max<std::size_t>(alignment >> page_shift, 1); }

} // namespace

void reserve_range() noexcept {
  const lock_guard held(heap.mutex);
  if (range.size != 0)
    return;
  std::size_t bytes = largest_range;
  void *at = nullptr;
  while (!(at = map(bytes, PROT_NONE)) && bytes > smallest_range)
    bytes /= 2;
  if (!at)
    fatal(message() << "cannot reserve " << smallest_range << " bytes of address space for the collected heap");
  const std::size_t skip = (huge_page - reinterpret_cast<std::uintptr_t>(at) % huge_page) % huge_page;
  const std::size_t pages = (bytes - skip) >> page_shift;
  heap.free.words = map_table<std::uint64_t>(pages / 64 + 1);
  heap.dirty.words = map_table<std::uint64_t>(pages / 64 + 1);
  heap.idle.words = map_table<std::uint64_t>(pages / 64 + 1);
  range.table = map_table<std::atomic<span *>>(pages);
  range.base = reinterpret_cast<std::uintptr_t>(at) + skip;
  range.size = pages << page_shift;
}

void set_page_limit(std::uint64_t pages) noexcept {
  const lock_guard held(heap.mutex);
  heap.limit = pages;
}

void *take_free_pages(std::size_t count, std::size_t alignment, bool &dirty) noexcept {
  const lock_guard held(heap.mutex);
  const std::size_t page = find_free(count, step_of(alignment));
  return page < heap.frontier ? take_found(page, count, dirty) : nullptr;
}

void *take_pages(std::size_t count, std::size_t alignment, bool &dirty) noexcept {
  const lock_guard held(heap.mutex);
  const std::size_t step = step_of(alignment);
  if (const std::size_t page = find_free(count, step); page < heap.frontier)
    return take_found(page, count, dirty);
  dirty = false;
  return take_new(count, step);
}

void give_pages(void *first, std::size_t count) noexcept {
  const std::size_t page = (reinterpret_cast<std::uintptr_t>(first) - range.base) >> page_shift;
  const lock_guard held(heap.mutex);
  for (std::size_t i = page; i < page + count; ++i) {
    heap.free.set(i);
    heap.dirty.set(i);
  }
  heap.counts.used -= count;
  heap.counts.dirty += count;
  heap.lowest_free = std::min(heap.lowest_free, page);
}

void return_idle_pages(std::size_t most) noexcept {
  const lock_guard held(heap.mutex);
  for (std::size_t page = 0; page + huge_count <= heap.frontier && most >= huge_count; page += huge_count)
    if (idle_huge_page(page)) {
      give_back(page, huge_count);
      most -= huge_count;
    }
  const std::size_t words = (heap.frontier + 63) / 64;
  std::copy_n(heap.free.words, words, heap.idle.words);
}

stretch claim_ahead() noexcept {
  if (!claims_wanted.load(std::memory_order_relaxed)) [[likely]]
    return {};
  const lock_guard held(heap.mutex);
  const bool wanted = short_ahead() && (heap.limit == 0 || heap.counts.used + heap.counts.dirty + most_ahead <= heap.limit);
  if (!wanted || !make_usable(heap.ahead + huge_count)) {
    claims_wanted.store(false, std::memory_order_relaxed); // until the frontier moves
    return {};
  }
  const stretch s{address_of_page(heap.ahead), huge_page};
  heap.ahead += huge_count;
  claims_wanted.store(short_ahead(), std::memory_order_relaxed);
  return s;
}

void touch(const stretch &s) noexcept {
  for (std::uintptr_t at = s.at; at < s.at + s.bytes; at += base_page)
    asm volatile("lock orb $0, (%0)" ::"r"(at) : "memory", "cc"); // a write that changes nothing
}

page_counts count_pages() noexcept {
  const lock_guard held(heap.mutex);
  return heap.counts;
}

span &new_span() noexcept {
  const lock_guard held(heap.metadata_mutex);
  if (span *const s = heap.unused) {
    heap.unused = s->next_free;
    return *new (s) span;
  }
  if (heap.metadata_left < sizeof(span)) {
    heap.metadata = map_table<char>(metadata_step);
    heap.metadata_left = metadata_step;
  }
  auto *const s = new (heap.metadata) span;
  heap.metadata += sizeof(span);
  heap.metadata_left -= sizeof(span);
  return *s;
}

void publish_span(span &s) noexcept {
  const std::size_t page = (s.base - range.base) >> page_shift;
  for (std::size_t i = page; i < page + s.pages; ++i)
    range.table[i].store(&s, std::memory_order_release); // pairs with span_of
}

void retract_span(span &s) noexcept {
  const std::size_t page = (s.base - range.base) >> page_shift;
  for (std::size_t i = page; i < page + s.pages; ++i)
    range.table[i].store(nullptr, std::memory_order_relaxed);
  give_pages(reinterpret_cast<void *>(s.base), s.pages);
  const lock_guard held(heap.metadata_mutex);
  s.next_free = heap.unused;
  heap.unused = &s;
}

} // namespace stillpoint::rt::gc
