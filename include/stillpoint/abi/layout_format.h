// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the collector knows of a type. The plugin defines one object of this kind for every type that `gc::make` and its relatives are used
// with (plugin/Layouts.cpp), from the compiler's own record layout; the runtime reads it.
//
// Invariants: offsets are ascending multiples of 8; every gc::ref in the object is named, those of bases, members and arrays included; nothing
// else is. The plugin leaves `runtime_data` zero; it belongs to the runtime. Two shared objects may have a copy each of one type's layout: its
// address is no identity of the type.
#ifndef STILLPOINT_ABI_LAYOUT_FORMAT_H
#define STILLPOINT_ABI_LAYOUT_FORMAT_H

#include <cstdint>

namespace stillpoint::abi {

inline constexpr std::uint32_t layout_version = 1;

struct layout {
  std::uint32_t version;
  std::uint32_t size;      // sizeof(T); an array's element
  std::uint32_t alignment; // alignof(T)
  std::uint32_t reference_count;
  const std::uint32_t *reference_offsets; // bytes from the object's beginning; null if there are none
  std::uint64_t reference_words;          // bit n: word n is a reference; only if no reference lies beyond word 63, else 0
  void (*destroy)(void *);                // ~T(); null if T is trivially destructible
  const char *name;                       // the type's name, for messages and tools
  std::uint64_t runtime_data[2];
};
static_assert(sizeof(layout) == 64);

} // namespace stillpoint::abi

#endif
