// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Types as the collector knows them, and classes of cells: one layout, one shape (object, array), one size.
//
// Mechanism: the first allocation with a layout makes a record of it and numbers its class in layout::runtime_data, where the fast path
// finds index and size. Arrays get a class for each size as they are needed; arrays whose elements hold no references share theirs across
// types.
// A class owns its spans: those from `next` on have not been offered to an allocating task since the last collection.
// Invariants: classes and records live as long as the process (layouts do not: dlclose); a class's index never changes.
// Rejected: spans by size only, with a header word in each cell for its layout (8 bytes of 16, and a span of strings would be scanned).
#ifndef STILLPOINT_RUNTIME_GC_CLASSES_H
#define STILLPOINT_RUNTIME_GC_CLASSES_H

#include "gc/span.h"
#include "sched/lock.h"
#include "stillpoint/abi/layout_format.h"

#include <string>
#include <vector>

namespace stillpoint::rt::gc {

enum class shape : std::uint8_t { object, counted_array, bare_array, weak_cell };

inline constexpr std::size_t array_header = 16;
inline constexpr unsigned most_classes = 1u << 20; // a cache's entries are reserved, 16 bytes each
inline constexpr unsigned array_size_classes = 56;

struct type_record {
  std::size_t size = 0;
  std::size_t alignment = 1;
  std::uint64_t reference_words = 0;
  std::vector<std::uint32_t> offsets;
  void (*destroy)(void *) = nullptr;
  std::string name;
  mutable std::atomic<cell_class *> arrays[2][array_size_classes + 1] = {}; // by header and size; the last is for large ones
};

struct cell_class {
  std::uint32_t index = 0;
  shape form = shape::object;
  bool large = false; // every object has its own span; cell_size and cells mean nothing
  scanning scan = scanning::nothing;
  std::uint32_t cell_size = 0;
  std::uint32_t cells = 0; // of a span
  std::uint32_t pages = 0; // of a span
  const type_record *type = nullptr;
  cell_class *next_all = nullptr;

  lock mutex;
  std::vector<span *> spans STILLPOINT_GUARDED_BY(mutex);
  std::size_t next STILLPOINT_GUARDED_BY(mutex) = 0;    // [next, unswept) are to be swept, by those who allocate from the front
  std::size_t unswept STILLPOINT_GUARDED_BY(mutex) = 0; // and by the others from the back
};

// The class of single objects of `layout`: makes it known on first use. Throws std::bad_alloc.
cell_class &class_of(abi::layout &layout);
// The class for arrays of `count` elements; `bytes` is what a cell has to hold. Throws std::bad_array_new_length.
cell_class &class_of_array(abi::layout &element, std::size_t count, bool header, std::size_t &bytes);
cell_class &class_of_weak_cells();

// By index; every class that was ever made, the latest first (acquire).
cell_class &class_at(std::uint32_t index) noexcept;
cell_class *all_classes() noexcept;

// The size of a cell that holds `bytes` and a byte more.
constexpr std::size_t padded(std::size_t bytes, std::size_t alignment) noexcept {
  const std::size_t step = alignment < 8 ? 8 : alignment;
  const std::size_t cell = (bytes + 1 + step - 1) / step * step;
  return cell < smallest_cell ? smallest_cell : cell;
}

// Where in a cell its elements begin.
inline std::size_t first_element(const cell_class &c) noexcept { return c.form == shape::counted_array ? array_header : 0; }

} // namespace stillpoint::rt::gc

#endif
