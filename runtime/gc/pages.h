// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The heap's range of addresses, and who has which of its pages.
//
// Mechanism: address space is reserved once; below the frontier it is usable. One bit a page says that it is free; a search for n free
// pages walks the bits from the lowest free page, so pages are given out in order of address and neighbours merge by themselves. A second
// bit says that a free page may hold old contents, a third that it has been free ever since the last return: where those fill a huge page
// of the system's, it is given back (less would break huge pages up, and be wanted again soon).
// Pages beyond the frontier are touched before they are used, a huge page at a time, by whoever claims that: the system needs a tenth of a millisecond to
// clear one, and on virtual machines whose host has to find the memory six, during which the one who touches it first can not be stopped.
// Invariants: a page without the dirty bit is zero. Rejected: trees of free runs by size (faster in heaps of tens of gigabytes, and ten
// times the code; the walk is 2 us for each free-less gigabyte).
#ifndef STILLPOINT_RUNTIME_GC_PAGES_H
#define STILLPOINT_RUNTIME_GC_PAGES_H

#include "gc/span.h"

#include <cstddef>
#include <cstdint>

namespace stillpoint::rt::gc {

struct page_counts {
  std::uint64_t used = 0;     // pages of spans
  std::uint64_t dirty = 0;    // free, but with memory
  std::uint64_t returned = 0; // given back so far
};

// Reserves the range. Once; later calls do nothing. Fatal if the system has no address space for it.
void reserve_range() noexcept;

// The most pages that spans and dirty free pages may take together. 0: no limit.
void set_page_limit(std::uint64_t pages) noexcept;

// `count` pages, the first at a multiple of `alignment` bytes (a power of two); null if the limit or the range is exhausted. `dirty` says
// whether they have to be cleared. The first is for free pages below the frontier only.
void *take_free_pages(std::size_t count, std::size_t alignment, bool &dirty) noexcept;
void *take_pages(std::size_t count, std::size_t alignment, bool &dirty) noexcept;
void give_pages(void *first, std::size_t count) noexcept;

// Now and then: gives the memory of huge pages back that no one has wanted since the last time, which is a return, at most `most` pages in all.
void return_idle_pages(std::size_t most) noexcept;

// Memory that will be needed soon, that nobody has touched and that nobody else is to touch ahead. No bytes: none. Whoever gets it is to call touch() where
// nobody waits for him.
struct stretch {
  std::uintptr_t at = 0;
  std::size_t bytes = 0;
};
stretch claim_ahead() noexcept;
// The memory may be in use meanwhile.
void touch(const stretch &s) noexcept;

page_counts count_pages() noexcept;

// Metadata. new_span gives a zeroed one; publish_span makes the table lead to it, after which it may be found; retract_span takes that
// back, gives the pages and the metadata back.
span &new_span() noexcept;
void publish_span(span &s) noexcept;
void retract_span(span &s) noexcept;

} // namespace stillpoint::rt::gc

#endif
