// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See classes.h.
#include "gc/classes.h"

#include "fatal.h"
#include "gc/pages.h"

#include <algorithm>
#include <array>
#include <bit>
#include <new>

namespace stillpoint::rt::gc {
namespace {

constexpr unsigned classes_per_block = 1024;

struct class_block {
  std::array<std::atomic<cell_class *>, classes_per_block> classes{};
};

struct registry {
  lock mutex;                                           // before a class's
  std::uint32_t count STILLPOINT_GUARDED_BY(mutex) = 1; // 0 is nobody's
  std::atomic<type_record *> bytes{nullptr};
  std::array<std::atomic<class_block *>, most_classes / classes_per_block> blocks{};
  std::atomic<cell_class *> all{nullptr};
  std::atomic<cell_class *> weak{nullptr};
};
constinit registry known;

// Sizes of small array cells: steps of an eighth, but never below 16 bytes.
constexpr auto array_cells = [] {
  std::array<std::uint32_t, array_size_classes> sizes{};
  std::uint32_t size = 16;
  for (auto &s : sizes) {
    s = size;
    const std::uint32_t step = std::max<std::uint32_t>(16, std::bit_floor(size) / 8);
    size = std::min<std::uint32_t>(size + step, largest_small_cell);
  }
  return sizes;
}();
static_assert(array_cells.back() == largest_small_cell);

std::uint32_t pages_for(std::size_t cell_size) noexcept { return cell_size <= 512 ? 1 : cell_size <= 2048 ? 4 : 8; }

scanning scanning_of(const type_record &type, shape form, bool large) noexcept {
  if (form == shape::weak_cell || type.offsets.empty())
    return scanning::nothing;
  return form == shape::object && type.reference_words != 0 && !large ? scanning::words : scanning::general;
}

cell_class &new_class(const type_record &type, shape form, std::size_t cell_size) STILLPOINT_REQUIRES(known.mutex) {
  auto *const c = new cell_class;
  c->form = form;
  c->type = &type;
  c->large = cell_size > largest_small_cell || type.alignment > page_size;
  c->scan = scanning_of(type, form, c->large);
  if (!c->large) {
    c->cell_size = static_cast<std::uint32_t>(cell_size);
    c->pages = pages_for(cell_size);
    c->cells = static_cast<std::uint32_t>(c->pages * page_size / cell_size);
  }
  if (known.count == most_classes)
    fatal("more types and sizes of arrays than the collected heap can tell apart");
  c->index = known.count++;
  auto &block = known.blocks[c->index / classes_per_block];
  if (!block.load(std::memory_order_relaxed))
    block.store(new class_block, std::memory_order_release); // pairs with class_at
  block.load(std::memory_order_relaxed)->classes[c->index % classes_per_block].store(c, std::memory_order_release);
  c->next_all = known.all.load(std::memory_order_relaxed);
  known.all.store(c, std::memory_order_release); // pairs with all_classes
  return *c;
}

void check(const abi::layout &layout) {
  bool good = layout.version == abi::layout_version && std::has_single_bit(layout.alignment) && layout.size % layout.alignment == 0 &&
              (layout.reference_count == 0 || layout.reference_offsets != nullptr);
  for (std::uint32_t i = 0; good && i < layout.reference_count; ++i) {
    const std::uint32_t offset = layout.reference_offsets[i];
    good = offset % 8 == 0 && offset + 8 <= layout.size && (i == 0 || offset > layout.reference_offsets[i - 1]);
  }
  if (!good)
    fatal(message() << "the layout of type " << std::string_view(layout.name ? layout.name : "(no name)")
                    << " makes no sense: was its file compiled with another version of the plugin?");
}

type_record &new_type(const abi::layout &layout) {
  check(layout);
  auto *const type = new type_record;
  type->size = layout.size;
  type->alignment = layout.alignment;
  type->offsets.assign(layout.reference_offsets, layout.reference_offsets + layout.reference_count);
  for (const std::uint32_t offset : type->offsets)
    if (type->offsets.back() < 64 * 8)
      type->reference_words |= std::uint64_t{1} << (offset / 8);
  type->destroy = layout.destroy;
  type->name = layout.name ? layout.name : "";
  return *type;
}

// What arrays of elements without references share, whatever the type.
type_record &plain_bytes() {
  if (type_record *const known_bytes = known.bytes.load(std::memory_order_acquire)) // pairs with the release below
    return *known_bytes;
  const lock_guard held(known.mutex);
  if (!known.bytes.load(std::memory_order_relaxed)) {
    auto *const type = new type_record;
    type->size = 1;
    type->alignment = 16;
    type->name = "(no references)";
    known.bytes.store(type, std::memory_order_release);
  }
  return *known.bytes.load(std::memory_order_relaxed);
}

// runtime_data[0] is the index of the class of single objects, [1] the size of its cells. The record is found through the class.
cell_class &publish(abi::layout &layout, cell_class &c) noexcept {
  std::atomic_ref(layout.runtime_data[1]).store(c.large ? 2 * largest_small_cell : c.cell_size, std::memory_order_relaxed);
  std::atomic_ref(layout.runtime_data[0]).store(c.index, std::memory_order_release); // pairs with class_of and allocate
  return c;
}

// The smallest of array_cells that holds `cell` bytes and keeps the alignment.
unsigned array_slot(std::size_t cell, std::size_t alignment) noexcept {
  unsigned slot = 0;
  if (cell <= 256) {
    slot = cell <= 16 ? 0 : static_cast<unsigned>((cell + 15) / 16 - 1);
  } else {
    const unsigned log = static_cast<unsigned>(std::bit_width(cell - 1)) - 1;
    slot = 16 + (log - 8) * 8 + static_cast<unsigned>((cell - 1 - (std::size_t{1} << log)) >> (log - 3));
  }
  while (array_cells[slot] % alignment != 0)
    ++slot; // ends: the last one is a page
  return slot;
}

} // namespace

cell_class &class_of(abi::layout &layout) {
  if (const std::uint64_t index = std::atomic_ref(layout.runtime_data[0]).load(std::memory_order_acquire))
    return class_at(static_cast<std::uint32_t>(index));
  reserve_range();
  const lock_guard held(known.mutex);
  if (const std::uint64_t index = std::atomic_ref(layout.runtime_data[0]).load(std::memory_order_relaxed))
    return class_at(static_cast<std::uint32_t>(index));
  const type_record &type = new_type(layout);
  return publish(layout, new_class(type, shape::object, padded(type.size, type.alignment)));
}

cell_class &class_of_array(abi::layout &element, std::size_t count, bool header, std::size_t &bytes) {
  const type_record *type = class_of(element).type;
  constexpr std::size_t most = std::size_t{1} << 46;
  if (type->size != 0 && count > most / type->size)
    throw std::bad_array_new_length();
  bytes = count * type->size + (header ? array_header : 0);
  if (type->offsets.empty() && type->alignment <= 16 && !(header && type->destroy)) {
    type = &plain_bytes();
    header = false;
  }
  const unsigned slot = bytes + 1 > largest_small_cell ? array_size_classes : array_slot(bytes + 1, type->alignment);
  auto &entry = type->arrays[header][slot];
  if (cell_class *const c = entry.load(std::memory_order_acquire)) // pairs with the release below
    return *c;
  const lock_guard held(known.mutex);
  if (!entry.load(std::memory_order_relaxed))
    entry.store(&new_class(*type, header ? shape::counted_array : shape::bare_array,
                           slot == array_size_classes ? largest_small_cell + 1 : array_cells[slot]),
                std::memory_order_release);
  return *entry.load(std::memory_order_relaxed);
}

cell_class &class_of_weak_cells() {
  if (cell_class *const c = known.weak.load(std::memory_order_acquire)) // pairs with the store below
    return *c;
  reserve_range();
  const lock_guard held(known.mutex);
  if (!known.weak.load(std::memory_order_relaxed)) {
    auto *const type = new type_record;
    type->size = 8;
    type->alignment = 8;
    type->name = "(weak reference)";
    known.weak.store(&new_class(*type, shape::weak_cell, smallest_cell), std::memory_order_release);
  }
  return *known.weak.load(std::memory_order_relaxed);
}

cell_class &class_at(std::uint32_t index) noexcept {
  return *known.blocks[index / classes_per_block]
              .load(std::memory_order_acquire)
              ->classes[index % classes_per_block]
              .load(std::memory_order_acquire); // both pair with new_class
}

cell_class *all_classes() noexcept { return known.all.load(std::memory_order_acquire); }

} // namespace stillpoint::rt::gc
