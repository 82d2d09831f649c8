// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See sweep.h and heap.h.
//
// With gcpoison, what died is filled with a pattern and waits for one more collection before it is used again: whoever still follows a
// pointer to it reads the pattern, and whoever writes there is found when the wait is over.
#include "gc/sweep.h"

#include "fatal.h"
#include "gc/heap.h"
#include "gc/pages.h"

#include <bit>
#include <cstring>

namespace stillpoint::rt::gc {
namespace {

constinit lock sweep_mutex; // before a class's
constinit cell_class *sweep_from STILLPOINT_GUARDED_BY(sweep_mutex) = nullptr;

template <class Visit>
void each_bit(std::uint64_t bits, std::uint32_t word, Visit visit) noexcept {
  for (; bits != 0; bits &= bits - 1)
    visit(word * 64 + static_cast<std::uint32_t>(std::countr_zero(bits)));
}

std::uint32_t words_of(const span &s) noexcept { return (std::uint32_t{s.cells} + 63) / 64; }

void check_poison(const span &s, std::uint32_t cell) noexcept {
  const auto *const at = reinterpret_cast<const unsigned char *>(address_of(s, cell));
  for (std::size_t i = 0; i < s.bytes; ++i)
    if (at[i] != poison_byte) [[unlikely]]
      fatal(message() << "gcpoison: byte " << i << " of an object of type " << std::string_view(s.cls->type->name)
                      << " was written after the object had been freed");
}

// What of `dead` may be used again now; the rest waits.
std::uint64_t quarantine(span &s, std::uint32_t word, std::uint64_t dead) noexcept {
  const std::uint64_t waited = s.quarantined[word] & dead;
  each_bit(waited, word, [&](std::uint32_t cell) { check_poison(s, cell); });
  each_bit(dead & ~waited, word,
           [&](std::uint32_t cell) { std::memset(reinterpret_cast<void *>(address_of(s, cell)), poison_byte, s.bytes); });
  s.quarantined[word] = dead & ~waited;
  return waited;
}

// Under the class's lock: sweeps from the back, and gives spans away that nobody is in.
std::size_t sweep_back(cell_class &c, std::size_t most) noexcept {
  const lock_guard held(c.mutex);
  std::size_t done = 0;
  for (; done < most && c.unswept > c.next; ++done) {
    span &s = *c.spans[--c.unswept];
    if (s.swept == heap_now.epoch)
      continue;
    sweep(s);
    bool empty = true;
    for (std::uint32_t word = 0; word < words_of(s); ++word)
      empty &= s.allocated[word] == 0;
    if (!empty)
      continue;
    c.spans[c.unswept] = c.spans.back();
    c.spans.pop_back();
    retract_span(s);
  }
  return done;
}

} // namespace

void sweep(span &s) noexcept {
  bool any_free = false;
  for (std::uint32_t word = 0; word < words_of(s); ++word) {
    const std::uint64_t live = s.marked[word].load(std::memory_order_relaxed);
    std::uint64_t freed = s.allocated[word] & ~live;
    if (heap_now.poison.load(std::memory_order_relaxed))
      freed = quarantine(s, word, freed);
    s.allocated[word] = (s.allocated[word] | live) & ~freed;
    s.marked[word].store(0, std::memory_order_relaxed);
    const std::uint32_t rest = s.cells - word * 64;
    any_free |= (~s.allocated[word] & (rest >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << rest) - 1)) != 0;
  }
  s.position = 0;
  s.dirty = true;
  s.available = any_free && !s.large;
  s.swept = heap_now.epoch;
}

void begin_sweeping() noexcept {
  const lock_guard held(sweep_mutex);
  for (cell_class *c = all_classes(); c; c = c->next_all) {
    const lock_guard inner(c->mutex);
    c->next = 0;
    c->unswept = c->spans.size();
  }
  ++heap_now.epoch;
  sweep_from = all_classes();
}

bool sweep_some(std::size_t most) noexcept {
  const lock_guard held(sweep_mutex);
  while (sweep_from && most > 0) {
    const std::size_t done = sweep_back(*sweep_from, most);
    most -= done;
    if (most > 0)
      sweep_from = sweep_from->next_all;
  }
  return sweep_from != nullptr;
}

void finish_sweeping() noexcept {
  while (sweep_some(1024))
    ;
}

} // namespace stillpoint::rt::gc
