// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Problem: from any word, quickly: does it point into the collected heap, at which object, and is that marked?
// Mechanism: the heap is one range of addresses, cut into pages of 8 KiB. Pages belong to spans: one page or a few for cells of one size
// and one layout, or as many as one large object takes. A table leads from a page to its span; the cell is found by multiplication. Mark
// bits lie in the span's metadata, aside, most of them in the same cache line as what marking needs to know of the span.
// Invariants: metadata is never unmapped, only used again, so a stale entry of the table does no harm. A span's shape does not change
// while the table leads to it. A cell is larger than its object by at least one byte: a pointer one past the end is still inside.
// Rejected: headers in objects (8 bytes of 16; and marking would write to every page); finding the span by masking the address (a word
// that is no reference would be followed).
#ifndef STILLPOINT_RUNTIME_GC_SPAN_H
#define STILLPOINT_RUNTIME_GC_SPAN_H

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace stillpoint::rt::gc {

struct cell_class;

inline constexpr unsigned page_shift = 13;
inline constexpr std::size_t page_size = std::size_t{1} << page_shift;
inline constexpr std::size_t smallest_cell = 16;
inline constexpr std::size_t largest_small_cell = 8192;
inline constexpr unsigned bit_words = page_size / smallest_cell / 64;

enum class scanning : std::uint8_t {
  nothing, // no references
  words,   // one object of up to 64 words in a small cell: span::reference_words
  general  // what the class says
};

struct alignas(64) span {
  // Written before the table leads here; read by anyone.
  std::uintptr_t base = 0;
  std::uint32_t magic = 0;           // cell = (offset * magic) >> 32; 0 in a large object's span: always cell 0
  std::uint32_t cell_size = 0;       // 0 in a large object's span
  std::uint64_t reference_words = 0; // bit n: word n of a cell is a reference
  std::uint16_t cells = 0;
  scanning scan = scanning::nothing;
  bool large = false;
  std::uint32_t pages = 0;
  // Any marker sets bits, relaxed: that they are complete is known by the world's stop. Sweeping clears them.
  std::atomic<std::uint64_t> marked[bit_words] = {};

  // The sweeper's, or that of the cache that has taken the span; changes hands under the class's lock.
  std::uint64_t allocated[bit_words] = {};
  std::uint64_t quarantined[bit_words] = {};            // gcpoison: freed and filled, but not yet to be used again
  std::atomic<std::uint64_t> finalized[bit_words] = {}; // objects whose destructor is to be run. Set by any task, relaxed (stops order it)
  cell_class *cls = nullptr;
  std::size_t bytes = 0;      // of a cell; a large object's pages
  std::uint64_t swept = 0;    // heap's epoch when it was last swept or made
  std::uint32_t position = 0; // cells before this have been handed out since the sweep
  bool available = false;     // swept, with free cells, in no cache
  bool dirty = false;         // its free cells may hold anything; else they are zero
  span *next_free = nullptr;  // unused metadata
};
static_assert(offsetof(span, marked) == 32 && offsetof(span, allocated) == 96);

// The range and the table; written once, before the first allocation.
struct address_range {
  std::uintptr_t base = 0;
  std::uintptr_t size = 0;
  std::atomic<span *> *table = nullptr;
};
extern constinit address_range range;

// The span that `word` points into, or null.
inline span *span_of(std::uintptr_t word) noexcept {
  const std::uintptr_t offset = word - range.base;
  if (offset >= range.size)
    return nullptr;
  return range.table[offset >> page_shift].load(std::memory_order_acquire); // pairs with the release in publish_span
}

// The cell of `s` that `word` points into; it may be beyond the last one (s.cells or more).
inline std::uint32_t cell_of(const span &s, std::uintptr_t word) noexcept {
  return static_cast<std::uint32_t>((static_cast<std::uint64_t>(word - s.base) * s.magic) >> 32);
}

inline std::uintptr_t address_of(const span &s, std::uint32_t cell) noexcept { return s.base + std::uintptr_t{cell} * s.cell_size; }

// A cell that `word` points into.
struct place {
  span *in = nullptr; // null: none
  std::uint32_t cell = 0;
  explicit operator bool() const noexcept { return in != nullptr; }
  [[nodiscard]] std::uintptr_t address() const noexcept { return address_of(*in, cell); }
  [[nodiscard]] std::uint32_t word() const noexcept { return cell / 64; }
  [[nodiscard]] std::uint64_t bit() const noexcept { return std::uint64_t{1} << (cell % 64); }
  [[nodiscard]] bool is_marked() const noexcept { return (in->marked[word()].load(std::memory_order_relaxed) & bit()) != 0; }
};

inline place find(std::uintptr_t word) noexcept {
  span *const s = span_of(word);
  if (!s)
    return {};
  const std::uint32_t cell = cell_of(*s, word);
  return cell < s->cells ? place{s, cell} : place{};
}

// The multiplier for cells of that size: exact for all offsets in a span of small cells (below 2^16).
constexpr std::uint32_t magic_for(std::uint32_t cell_size) noexcept {
  return static_cast<std::uint32_t>(((std::uint64_t{1} << 32) + cell_size - 1) / cell_size);
}

} // namespace stillpoint::rt::gc

#endif
